//! Long answers that wait for their turn for longer than the idle timeout.

use super::Simulation;
use crate::descriptors::Descriptors;
use crate::event_loop::tests::{options, served_storage};
use crate::storage::UploadPolicy;
use std::net::SocketAddr;
use tempfile::TempDir;

#[test]
fn a_client_whose_answer_waits_for_its_turn_is_not_idle() {
    const CLIENTS: usize = 4;
    let directory = TempDir::new().expect("a directory");
    let descriptors = Descriptors::for_process(1_000);
    let storage = served_storage(directory.path(), UploadPolicy::default(), &descriptors);
    let mut server = Simulation::new(options(), storage, descriptors, 1).expect("a server");
    let address = SocketAddr::from(([127, 0, 0, 1], 40_000));
    server.begin_turn(server.now());
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.connect(address)).collect();
    server.finish_turn();
    for client in &clients {
        // Each takes the budget of a whole turn, so the others wait.
        client.send(b"USER anonymous\r\nPASS x\r\nHASH /gen/1G.zero\r\n");
        server.begin_turn(server.now());
        assert!(server.deliver(client, false));
        server.finish_turn();
    }
    // A slow machine: each answer goes on less often than sessions become idle.
    let turn = options().timeouts.idle.mul_f32(0.4);
    for _ in 0..4 * CLIENTS {
        server.begin_turn(server.now() + turn);
        server.finish_turn();
    }
    assert_eq!(server.sessions(), CLIENTS);
    for client in &clients {
        let text = String::from_utf8_lossy(&client.receive()).into_owned();
        assert!(text.contains("\r\n230 ") && !text.contains("421 "), "{text}");
    }
}

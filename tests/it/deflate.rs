//! MODE Z over real sockets, for many clients at once (draft-preston-ftpext-deflate).

use harness::Server;
use harness::mode_z::inflated;
use harness::tree::noise;
use std::io::Read;

#[test]
fn compressing_for_many_clients_delays_no_other_session() {
    let server = Server::start();
    server.write("noise", &noise(1, 1_000_000).repeat(20));
    // More than all buffers can hold, so that it cannot end before it is aborted.
    server.write("endless", &noise(1, 1_000_000).repeat(60));
    let mut transfers: Vec<_> = (0..8)
        .map(|number| {
            let mut client = server.login();
            assert_eq!(client.code("MODE Z"), 200);
            let data = client.data();
            client.send(if number == 0 { "RETR endless" } else { "RETR noise" });
            (client, data)
        })
        .collect();
    let mut other = server.login();
    for _ in 0..50 {
        assert_eq!(other.code("NOOP"), 200);
    }
    // They are still running: the NOOPs were answered in between. One client disconnects, one aborts.
    let (mut aborted, _data) = transfers.remove(0);
    aborted.expect(150);
    aborted.send("ABOR");
    aborted.expect(426);
    aborted.expect(226);
    drop(transfers.remove(0));
    let (mut last, mut data) = transfers.remove(0);
    drop(transfers);
    last.expect(150);
    let mut stream = Vec::new();
    data.read_to_end(&mut stream).expect("the data");
    last.expect(226);
    assert!(inflated(&stream) == noise(1, 1_000_000).repeat(20));
}

#[test]
fn g19_aborted_mode_z_transfers_leak_nothing() {
    let server = Server::start();
    server.write("noise", &noise(1, 1_000_000));
    let baseline = server.descriptors();
    let mut memory = 0;
    for round in 0..300 {
        let mut client = server.login();
        assert_eq!(client.code("MODE Z"), 200);
        let _data = client.data();
        client.send("RETR noise");
        client.expect(150);
        if round == 100 {
            memory = server.memory();
        }
    }
    server.wait_for_descriptors(baseline);
    assert!(server.memory() < memory + 8 * 1024);
}

//! A server that was stopped for a while (threat K10).

use harness::Server;
use std::time::Duration;

#[test]
fn k10_a_command_that_arrived_in_time_is_served_although_the_server_was_stopped() {
    let server = Server::with(&["--idle-timeout", "2s"]);
    let mut client = server.login();
    server.signal(rustix::process::Signal::STOP);
    client.send("NOOP");
    std::thread::sleep(Duration::from_millis(2_500));
    server.signal(rustix::process::Signal::CONT);
    client.expect(200);
}

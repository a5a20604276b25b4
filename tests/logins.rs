//! Logins when many come at once, or while the thread that verifies passwords has other work (threats F03, F04).

mod harness;

use harness::accounts::{HASH, PASSWORD, Premises, client_of};
use harness::faulty::Faulty;
use harness::server::Setup;
use harness::{Client, Server, has_program, wait_until};
use loopftpd::accounts::hash_new;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

/// The line of a users file for each of `names`, with the cheap hash.
fn accounts(names: impl IntoIterator<Item = String>, rest: &str) -> String {
    let line = |name: String| format!("{name}:{HASH}:{rest}\n");
    names.into_iter().map(line).collect()
}

/// A client that has given a password and not read the answer.
fn knocking(server: &Server, user: &str, password: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.code(&format!("USER {user}")), 331);
    client.send(&format!("PASS {password}"));
    client
}

#[test]
fn f04_a_login_waits_for_one_slice_of_the_walks_and_not_for_all() {
    const ACCOUNTS: usize = 200;
    let premises = Premises::new();
    for number in 0..20_000 {
        std::fs::File::create(premises.root().join(number.to_string())).expect("a file");
    }
    let names = (0..ACCOUNTS).map(|number| format!("user{number}"));
    premises.write_users_file(&accounts(names, "/:read:quota=1G"));
    let server = premises.serve_accounts(&[]);
    let measured = || server.stderr().matches(" bytes used").count();
    for number in 0..20 {
        client_of(&server, &format!("user{number}"));
    }
    assert!(measured() < ACCOUNTS, "walks were under way all the time");
}

#[test]
fn f04_a_login_waits_for_one_upload_that_the_disk_has_not_and_not_for_all() {
    const UPLOADS: usize = 16;
    if !has_program("strace") {
        return;
    }
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let users = premises.users_file();
    let arguments = ["--users", users.to_str().expect("UTF-8"), "--write", "--durable"];
    let setup = Setup::new()
        .ports(UPLOADS as u16)
        .directory(&premises.root())
        .arguments(&arguments);
    let faulty = Faulty::start_with(setup, &[], "fdatasync", "delay_enter=300000");
    let server = &faulty.server;
    let mut writers: Vec<Client> = (0..UPLOADS)
        .map(|number| {
            let mut client = server.login();
            let mut data = client.begin(&format!("STOR file{number}"));
            data.write_all(b"content").expect("the server takes it");
            client
        })
        .collect();
    wait_until("the disk is at it", || faulty.calls().contains("fdatasync("));
    let mut unanswered = || {
        writers
            .iter_mut()
            .filter_map(|client| client.is_silent().then_some(()))
            .count()
    };
    let before = unanswered();
    client_of(server, "alice");
    let after = unanswered();
    assert!(
        before - after <= 2 && after > 2,
        "{before} uploads waited before the login, {after} after it"
    );
    for client in &mut writers {
        client.expect(226);
    }
}

#[test]
fn f04_as_many_logins_as_sessions_wait_and_all_get_in() {
    let premises = Premises::new();
    premises.write_users(&[("alice", "/:read")]);
    let server = premises.serve_accounts(&["--max-sessions", "100"]);
    let mut clients: Vec<Client> = (0..100).map(|_| knocking(&server, "alice", PASSWORD)).collect();
    for client in &mut clients {
        client.expect(230);
    }
}

/// An address of this machine that nothing has failed from yet.
fn fresh_address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 2, 0, 1)) + number))
}

#[test]
fn f04_hashes_use_one_block_of_memory_which_is_given_back() {
    const MIB: u64 = 1024;
    let premises = Premises::new();
    let costly = hash_new(PASSWORD.as_bytes()).expect("made");
    premises.write_users_file(&format!("alice:{costly}:/:read\nbob:{HASH}:/:read,write\n"));
    let server = premises.serve_accounts(&[]);
    let start = server.memory();
    let mut most = 0;
    for number in 0..40 {
        // Wrong ones, so that each is computed; each from an address that has not failed yet.
        let mut client = Client::connect_from(server.address, fresh_address(number));
        assert_eq!(client.code("USER alice"), 331);
        assert_eq!(client.code("PASS guess"), 530);
        most = most.max(server.memory());
    }
    for _ in 0..960 {
        client_of(&server, "bob");
    }
    most = most.max(server.memory());
    assert!(
        most <= start + 25 * MIB,
        "{start} KiB before, {most} KiB after 1,000 logins"
    );
    wait_until("the memory is given back", || server.memory() <= start + 3 * MIB);
}

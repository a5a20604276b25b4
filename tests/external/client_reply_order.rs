//! aria2 and Erlang, which lose one of two replies that arrive together, get every byte.

use harness::programs::{Workplace, encoded};
use harness::tree::noise;
use harness::{Server, trials};
use libtest_mimic::Trial;
use std::fs;
use std::path::Path;

pub fn trials() -> Vec<Trial> {
    trials! {
        "aria2c":
            aria2_finishes_small_files_without_waiting;
        "erl":
            erlang_gets_every_byte_of_small_files_and_listings;
    }
}

/// From one byte to what takes several turns of the loop.
const SIZES: [usize; 9] = [1, 10, 1_000, 20_000, 64_000, 200_000, 300_000, 500_000, 1_000_000];

fn aria2_finishes_small_files_without_waiting() {
    let server = Server::start();
    // Its own timeout is a minute, and so is the limit of this test for all of them together.
    let workplace = Workplace::new();
    for size in SIZES {
        let name = format!("file-{size}");
        server.write(&name, &noise(1, size));
        let url = format!("ftp://{}/{}", server.address, encoded(Path::new(&name)));
        workplace.run_well("aria2c", &["-q", "--no-conf", "--timeout=120", &url], "");
        let copy = fs::read(workplace.path().join(&name)).expect("fetched");
        assert!(copy == noise(1, size), "{name} differs");
    }
}

fn erlang_gets_every_byte_of_small_files_and_listings() {
    let server = Server::writable();
    for size in SIZES {
        server.write(&format!("file-{size}"), &noise(1, size));
    }
    let sizes = SIZES.map(|size| size.to_string()).join(",");
    let script = format!(
        r#"
        {{ok, _}} = application:ensure_all_started(ftp),
        {{ok, P}} = ftp:open("127.0.0.1", [{{port, {port}}}, {{timeout, 20000}}]),
        ok = ftp:user(P, "anonymous", "x"),
        ok = ftp:type(P, binary),
        lists:foreach(fun(Size) ->
            Name = "file-" ++ integer_to_list(Size),
            {{ok, Bytes}} = ftp:recv_bin(P, Name),
            {{Size, Size}} = {{byte_size(Bytes), Size}},
            ok = ftp:send_bin(P, Bytes, "back-" ++ integer_to_list(Size)),
            {{ok, Listing}} = ftp:ls(P),
            true = length(Listing) > 0
        end, [{sizes}]),
        ok = ftp:close(P),
        halt(0)."#,
        port = server.address.port()
    );
    Workplace::new().run_well("erl", &["-noshell", "-eval", &script], "");
    for size in SIZES {
        assert!(
            server
                .content(&format!("back-{size}"))
                .is_some_and(|copy| copy == noise(1, size)),
            "{size} bytes differ"
        );
    }
}

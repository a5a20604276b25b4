//! File systems mounted inside the served directory (threat C06).

use harness::accounts::{Premises, store};
use harness::server::Setup;
use harness::trials;
use libtest_mimic::Trial;
use std::fs;
use std::os::unix::fs::MetadataExt;

pub fn trials() -> Vec<Trial> {
    trials! {
        "root mounts":
            c06_nothing_is_renamed_to_another_file_system;
    }
}

fn c06_nothing_is_renamed_to_another_file_system() {
    let premises = Premises::new();
    premises.write("d/e/inside", b"x");
    premises.write("file", b"inside");
    premises.make_directory("mounted");
    let root = premises.root();
    let mount = format!(
        "mount -t tmpfs -o size=1M,mode=777 none {} && exec \"$@\"",
        root.join("mounted").display()
    );
    let server = Setup::new()
        .directory(&root)
        .arguments(&["--write"])
        .under(&["unshare", "--mount", "sh", "-c", &mount, "sh"])
        .start();
    let mounted = fs::metadata(format!("/proc/{}/root/mounted", server.pid())).expect("the server's root is DIR");
    assert_ne!(mounted.dev(), fs::metadata(&root).expect("ours").dev());
    let mut client = server.login();
    assert_eq!(
        store(&mut client, "STOR mounted/there", b"x"),
        226,
        "a file system of its own"
    );
    for (from, to) in [("file", "mounted/file"), ("d", "mounted/d"), ("mounted/there", "here")] {
        assert_eq!(client.code(&format!("RNFR {from}")), 350, "{from}");
        assert_eq!(client.code(&format!("RNTO {to}")), 550, "{from} {to}");
    }
    assert_eq!(client.code("RNFR mounted"), 350);
    assert_eq!(
        client.code("RNTO elsewhere"),
        550,
        "a mounted file system stays where it is"
    );
    assert_eq!(client.fetch_text("NLST mounted"), "mounted/there\r\n");
    assert_eq!(premises.read("file"), b"inside");
}

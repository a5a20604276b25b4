//! `--synthetic`: files that need no disk, for stress tests.

use harness::Server;
use loopftpd::computed_file::Content;

#[test]
fn computed_files_arrive_whole_and_restart_anywhere() {
    let server = Server::with(&["--synthetic"]);
    let mut client = server.login();
    for (name, content) in [
        ("3M.pattern", Content::Pattern),
        ("1000001.rand?seed=7", Content::Random { seed: 7 }),
        ("700K.zero", Content::Zero),
    ] {
        let size: u64 = client.command(&format!("SIZE /gen/{name}")).text()[4..]
            .parse()
            .expect("a size");
        let whole = client.fetch(&format!("RETR /gen/{name}"));
        assert_eq!(whole.len() as u64, size, "{name}");
        assert_eq!(content.first_difference(0, &whole), None, "{name}");
        assert_eq!(client.code("REST 300007"), 350);
        let rest = client.fetch(&format!("RETR /gen/{name}"));
        assert_eq!(rest.len() as u64, size - 300_007, "{name}");
        assert_eq!(content.first_difference(300_007, &rest), None, "{name}");
    }
    assert_eq!(client.fetch("RETR /gen/0.zero"), b"");
    client.code("TYPE A");
    let text = client.fetch_text("RETR /gen/48.pattern");
    assert_eq!(text, "000000000000000\r\n000000000000010\r\n000000000000020\r\n");
}

#[test]
fn the_virtual_directories_are_listed_with_the_served_files() {
    let server = Server::with(&["--synthetic"]);
    server.write("real", b"x");
    server.write("gen/shadowed", b"x");
    let mut client = server.login();
    let mut names: Vec<String> = client.fetch_text("NLST").lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, ["gen", "null", "real"]);
    assert_eq!(client.code("CWD gen"), 250);
    let listing = client.fetch_text("LIST");
    assert!(
        listing
            .lines()
            .any(|line| line.starts_with("-r--r--r--") && line.ends_with(" 1G.zero")),
        "{listing}"
    );
    assert!(client.fetch_text("MLSD").contains("type=file;size=1073741824;"));
    assert_eq!(client.fetch_text("NLST *.zero"), "1G.zero\r\n");
    assert_eq!(client.fetch("LIST /null"), b"");
    for missing in [
        "SIZE shadowed",
        "RETR 1X.zero",
        "CWD 1G.zero",
        "RETR /gen",
        "SIZE /null/x",
        "MLST /gen/a/b",
    ] {
        assert_eq!(client.code(missing), 550, "{missing}");
    }
    assert_eq!(client.code("STOR /null/x"), 550, "writing is not allowed");
    assert_eq!(server.login().code("SIZE /gen/9999999T.zero"), 550);
}

#[test]
fn without_the_option_there_are_no_computed_files() {
    let server = Server::start();
    assert_eq!(server.login().code("SIZE /gen/1G.zero"), 550);
}

#[test]
fn ten_gibibytes_are_counted_correctly() {
    let server = Server::with(&["--synthetic"]);
    let mut client = server.login();
    assert_eq!(client.command("SIZE /gen/10G.pattern").text(), "213 10737418240");
    assert_eq!(client.code("REST 10737418230"), 350);
    let tail = client.fetch("RETR /gen/10G.pattern");
    assert_eq!(tail, b"00027ffffff0\n"[3..].to_vec(), "{}", tail.escape_ascii());
}

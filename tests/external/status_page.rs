//! The status page in a real browser, and its figures under Prometheus's own check.

use harness::browser::Browser;
use harness::server::Setup;
use harness::{Server, trials};
use libtest_mimic::Trial;
use rustix::process::Signal;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

pub fn trials() -> Vec<Trial> {
    trials! {
        "promtool":
            promtool_accepts_the_figures;
        "chromium mkfifo":
            a_download_is_seen_to_begin_and_to_end_in_the_browser,
            recorded_turns_of_a_download_are_stepped_through,
            a_thousand_sessions_are_shown,
            names_from_clients_are_only_text,
            the_page_is_used_by_keyboard_and_fits_a_phone,
            a_followed_session_is_shown_with_what_it_said_before,
            queues_rings_and_budgets_are_labelled_and_a_large_ring_is_folded,
            warnings_are_shown_for_long_steps_missing_ports_and_unread_replies;
    }
}

fn watched() -> Server {
    Server::with(&["--status", "127.0.0.1:0"])
}

fn browse(server: &Server) -> Browser {
    let mut browser = Browser::open(&format!("http://{}/", server.status_address()), (1200, 1000));
    browser.wait_for("view.isComplete && view.figures");
    browser
}

fn promtool_accepts_the_figures() {
    let server = watched();
    server.write("file", b"content");
    let mut client = server.login();
    assert_eq!(client.fetch("RETR file"), b"content");
    let figures = server.get_status("/metrics").body;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = promtool.stdin.take().expect("piped");
    input.write_all(figures.as_bytes()).expect("it reads");
    drop(input);
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

/// The phase of the session in slot 0, in the page.
const PHASE: &str = "(view.slots.get(0)?.[STATE] ?? 'free')";

fn a_download_is_seen_to_begin_and_to_end_in_the_browser() {
    let server = watched();
    server.write("big", &vec![1; 40_000_000]);
    let mut browser = browse(&server);
    assert_eq!(browser.value("view.slots.size"), 0);
    let mut client = server.login();
    browser.wait_for(&format!("{PHASE} === 'ready'"));
    let mut data = client.begin("RETR big");
    browser.wait_for(&format!(
        "{PHASE} === 'sending' && view.slots.get(0)[TRANSFER][1] === '/big' && view.slots.get(0)[MOVED] > 0"
    ));
    browser.value("choose(0)");
    browser.wait_for("document.getElementById('slot').textContent.includes('RETR /big')");
    let mut content = Vec::new();
    data.read_to_end(&mut content).expect("the file");
    drop(data);
    client.expect(226);
    browser.wait_for(&format!("{PHASE} === 'ready'"));
    browser.wait_for("view.figures.sent === 40000000");
    drop(client);
    browser.wait_for("view.slots.size === 0");
    assert_eq!(browser.complaints, [""; 0]);
}

fn recorded_turns_of_a_download_are_stepped_through() {
    let server = watched();
    server.write("file", b"content");
    let mut client = server.login();
    assert_eq!(client.fetch("RETR file"), b"content");
    // More turns than one answer holds.
    let mut other = server.login();
    (0..500).for_each(|_| assert_eq!(other.code("NOOP"), 200));
    let mut browser = browse(&server);
    browser.press("s");
    browser.wait_for("!document.getElementById('s-slow').hidden && shownTurns().length > 3");
    browser.value("document.getElementById('first').click()");
    browser.wait_for("view.turns.length > 500 && view.chosenTurn === 0 && view.turns[0].turn === 1");
    let mut seen = Vec::new();
    for _ in 0..100 {
        let step = browser.value("document.querySelector('#stages li.now')?.textContent ?? ''");
        seen.push(step.as_str().unwrap_or_default().to_owned());
        if browser.value("document.getElementById('next').disabled") == true {
            break;
        }
        browser.press("ArrowRight");
    }
    let stages = browser.value("[...document.querySelectorAll('#stages h3')].map((name) => name.textContent).join()");
    assert_eq!(stages, "1 poll,2 events,3 ready queue,4 deadlines,5 flush");
    let steps: Vec<&String> = seen.iter().filter(|step| step.contains("session 1")).collect();
    let position = |what: &str| {
        steps
            .iter()
            .position(|step| step.contains(what))
            .unwrap_or_else(|| panic!("{what}: {seen:#?}"))
    };
    let (login, armed, moved) = (
        position("login, anonymous → ready"),
        position("→ port announced"),
        position("7 B"),
    );
    assert!(login < armed && armed < moved, "{steps:#?}");
    browser.press("ArrowLeft");
    assert_eq!(browser.value("document.getElementById('next').disabled"), false);
    assert_eq!(browser.complaints, [""; 0]);
}

fn a_thousand_sessions_are_shown() {
    let server = Setup::new()
        .arguments(&["--status", "127.0.0.1:0"])
        .nofile(4_096)
        .start();
    let mut clients: Vec<_> = (0..1_000).map(|_| server.connect()).collect();
    let mut browser = browse(&server);
    assert_eq!(browser.value("view.slots.size"), 1_000);
    browser.wait_for("document.getElementById('slot-count').textContent.startsWith('1,000 in use')");
    clients[999].login();
    browser.wait_for("[...view.slots.values()].filter((row) => row[STATE] === 'ready').length === 1");
    clients.truncate(500);
    browser.wait_for("view.slots.size === 500");
    assert_eq!(browser.complaints, [""; 0]);
}

fn names_from_clients_are_only_text() {
    let server = Setup::new().writable().arguments(&["--status", "127.0.0.1:0"]).start();
    let mut client = server.login();
    let mut browser = browse(&server);
    browser.value("window.hit = false");
    browser.wait_for("view.slots.size === 1");
    browser.value("choose(0), toggleFollow()");
    browser.wait_for("view.isComplete && view.slots.size === 1");
    let data = client.begin("STOR <img src=x onerror=hit=true><script>hit=true");
    browser.wait_for("document.getElementById('slot').textContent.includes('<script>hit=true')");
    browser.wait_for("document.getElementById('said').textContent.includes('STOR <img src=x')");
    assert_eq!(
        browser.value("document.querySelectorAll('#slot script, #said script, img').length"),
        0
    );
    assert_eq!(browser.value("window.hit"), false);
    // The policy holds even if a name became an element.
    browser.value(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hit = true'}))",
    );
    assert_eq!(browser.value("window.hit"), false);
    assert!(
        !browser.complaints.is_empty(),
        "the browser reports what it has blocked"
    );
    drop(data);
    client.expect(226);
}

fn the_page_is_used_by_keyboard_and_fits_a_phone() {
    let server = watched();
    let _client = server.login();
    let mut browser = browse(&server);
    browser.press("t");
    for stop in 1..=6 {
        browser.wait_for(&format!(
            "document.getElementById('tour-title').textContent.startsWith('{stop} of 6')"
        ));
        let is_visible = "(({top, bottom, left, right}) => top >= 0 && left >= 0 && bottom > top + 50 &&
            bottom <= innerHeight && right <= innerWidth)(document.getElementById('dialog').getBoundingClientRect())";
        assert_eq!(browser.value(is_visible), true, "stop {stop}");
        browser.value("document.getElementById('tour-next').click()");
    }
    browser.wait_for("!document.getElementById('dialog').open");
    browser.value("document.activeElement.blur()");
    let before = browser.value("getComputedStyle(document.body).backgroundColor");
    browser.press("d");
    assert_ne!(
        browser.value("getComputedStyle(document.body).backgroundColor"),
        before,
        "dark or light"
    );
    browser.value("document.getElementById('grid').focus()");
    browser.press("ArrowRight");
    browser.wait_for("document.getElementById('slot').textContent.includes('anonymous')");
    browser.press("f");
    browser.wait_for("document.getElementById('follow').getAttribute('aria-pressed') === 'true'");
    let phone = serde_json::json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
    browser.call("Emulation.setDeviceMetricsOverride", phone);
    browser.wait_for("document.documentElement.scrollWidth <= 360");
    assert_eq!(browser.complaints, [""; 0]);
}

fn a_followed_session_is_shown_with_what_it_said_before() {
    let server = watched();
    let mut client = server.login();
    assert_eq!(client.code("SYST"), 215);
    let mut browser = browse(&server);
    browser.wait_for("view.slots.size === 1");
    browser.value("choose(0), toggleFollow()");
    let said = "document.getElementById('said').innerText";
    browser.wait_for(&format!("{said}.includes('215')"));
    assert_eq!(client.code("PWD"), 257);
    browser.wait_for(&format!("{said}.includes('257')"));
    let lines = browser
        .value("[...document.querySelectorAll('#said li')].map((line) => line.className + ' ' + line.textContent)");
    let lines: Vec<&str> = lines
        .as_array()
        .expect("lines")
        .iter()
        .filter_map(|line| line.as_str())
        .collect();
    let mut rest = lines.iter();
    for expected in [
        "reply 220 ",
        "command USER anonymous",
        "reply 331 ",
        "command PASS ****",
        "reply 230 ",
        "state login, anonymous → ready",
        "command SYST",
        "reply 215 ",
        "command PWD",
        "reply 257 ",
    ] {
        assert!(
            rest.any(|line| line.starts_with(expected)),
            "{expected} is missing or not in order: {lines:#?}"
        );
    }
    assert_eq!(browser.complaints, [""; 0]);
}

fn queues_rings_and_budgets_are_labelled_and_a_large_ring_is_folded() {
    let server = Setup::new()
        .arguments(&["--status", "127.0.0.1:0"])
        .ports(1_100)
        .nofile(4_096)
        .start();
    let mut browser = browse(&server);
    let mut client = server.login();
    client.passive();
    browser.wait_for("document.getElementById('ring-now').textContent === '1,100 ports, 1 announced'");
    let folded = "document.getElementById('ring-scale')";
    assert_eq!(browser.value(&format!("{folded}.hidden")), false);
    assert_eq!(
        browser.value(&format!("{folded}.textContent")),
        "Each mark stands for up to 3 ports, and is coloured if one of them is."
    );
    // Somebody who comes later sees it too.
    let mut later = browse(&server);
    later.wait_for("document.getElementById('ring-now').textContent === '1,100 ports, 1 announced'");
    let queues = browser.value("[...document.querySelectorAll('#queues span')].map((label) => label.textContent)");
    let queues: Vec<&str> = queues
        .as_array()
        .expect("labels")
        .iter()
        .filter_map(|label| label.as_str())
        .collect();
    assert_eq!(queues.len(), 8);
    assert!(
        queues.iter().all(|label| label.contains(' ')),
        "for readers: {queues:?}"
    );
    browser.wait_for("document.getElementById('descriptors').textContent.includes(' in use')");
    let legend = browser.value("document.querySelector('#s-slots .legend').textContent");
    for kind in [
        "listener",
        "control connection",
        "data connection",
        "closing",
        "free",
        "ready queue",
    ] {
        assert!(
            legend.as_str().is_some_and(|legend| legend.contains(kind)),
            "{kind}: {legend}"
        );
    }
    assert_eq!(browser.complaints, [""; 0]);
}

fn warnings_are_shown_for_long_steps_missing_ports_and_unread_replies() {
    let server = Setup::new().arguments(&["--status", "127.0.0.1:0"]).ports(1).start();
    server.write("big", &vec![1; 1_000_000]);
    let mut browser = browse(&server);
    let warned = |text: &str| format!("document.getElementById('warnings').textContent.includes('{text}')");
    let mut clients: Vec<_> = (0..9).map(|_| server.login()).collect();
    clients.iter_mut().for_each(|client| client.send("PASV"));
    browser.wait_for(&warned("8 sessions wait for a passive port"));
    drop(clients);
    let stalls = server.login();
    let mut stream = stalls.stream.try_clone().expect("a second handle");
    // Writing may block until the server ends.
    let flood = std::thread::spawn(move || stream.write_all(&b"FEAT\r\n".repeat(100_000)));
    browser.wait_for(&warned("a client has not read its replies for "));
    // The process is stopped while it works, until that has hit a step.
    let mut client = server.login();
    let is_warned = warned(" held the loop for ");
    let mut attempts = 0..500;
    while browser.value(&is_warned) != true {
        assert!(attempts.next().is_some(), "no step was hit");
        client.send_bytes(&b"STAT /\r\n".repeat(16));
        server.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(15));
        server.signal(Signal::CONT);
    }
    drop(server);
    let _ = flood.join().expect("no panic");
}

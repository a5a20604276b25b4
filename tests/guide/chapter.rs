//! Runs the commands of a page, in the order of the text.
//!
//! - ```` ```sh ```` holds commands. They have to succeed, unless the next block shows what they print.
//! - ```` ```text ```` or ```` ```diff ```` after them is what they print; numbers may differ, unless it is
//!   ```` ```text exact ````.
//! - ```` ```sh terminal 2 ```` is typed into another terminal; `waits` means that the text goes on while it runs, and
//!   that its output is a later `text terminal 2`.
//! - ```` ```sh exercise ```` runs the test of an exercise, which fails; the line that says why is shown.
//! - ```` ```sh full ```` is the full form of an experiment that is too long for a test, which runs a small one.
//! - ```` ```sh needs strace ```` is skipped, with its output, where there is no such program, and fails if `CI` is
//!   set.
//! - ```` ```text talk ```` is a conversation with what runs in the terminal: lines that begin with a three-digit code
//!   or a blank come from the server, the others are typed.

use crate::markdown::{Block, blocks};
use crate::setting::{Setting, guide, has_program, root};
use crate::shown::is_like;
use crate::terminal::{Terminal, await_listener};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

pub fn run(page_name: &str, number: usize) {
    let path = guide().join(page_name);
    let mut page = fs::read_to_string(&path).expect("a page of SUMMARY.md");
    let mut reader = Reader::new(number);
    let mut differences = Vec::new();
    let mut is_skipping = false;
    let is_writing = std::env::var_os("GUIDE_WRITE").is_some();
    // What is written may be longer than what was there, so places are looked up again.
    for at in 0..blocks(&page).len() {
        let blocks = blocks(&page);
        let block = &blocks[at];
        let shown = block.text(&page).to_owned();
        if block.language == "sh" {
            is_skipping = is_missing(page_name, block);
        }
        if is_skipping {
            continue;
        }
        let printed = match block.language.as_str() {
            "sh" if page_name == "before.md" || block.has("full") => continue,
            "sh" => {
                if block.has("exercise") {
                    reader.printed = Some(exercise(&shown));
                    continue;
                }
                let output_follows = blocks
                    .get(at + 1)
                    .is_some_and(|next| is_output(next) && follows(&page, block, next));
                reader.run(block, &shown, output_follows);
                continue;
            }
            "text" if block.has("talk") => reader.talk(block, &shown),
            "text" | "diff" => reader.output(block),
            _ => continue,
        };
        if is_writing {
            page.replace_range(block.place.clone(), &printed);
        } else if !(printed == shown || !block.has("exact") && is_like(&printed, &shown)) {
            differences.push(format!("shown:\n{shown}\nprinted:\n{printed}"));
        }
    }
    if is_writing {
        fs::write(path, page).expect("the page is ours");
    }
    assert!(differences.is_empty(), "{page_name}\n{}", differences.join("\n"));
}

/// Whether the program that a block needs is missing.
fn is_missing(page_name: &str, block: &Block) -> bool {
    let missing = block.needed().filter(|program| !has_program(program));
    if let Some(program) = missing {
        assert!(std::env::var_os("CI").is_none(), "{page_name} needs {program}");
        eprintln!("{page_name}: some of its commands are skipped, because they need {program}");
    }
    missing.is_some()
}

/// Runs the command of an exercise; returns the line that says why it fails.
fn exercise(command: &str) -> String {
    let rest = command.trim().strip_prefix("cargo test ").expect("an exercise");
    // With the feature nothing has to be built again.
    let run = Command::new(env!("CARGO"))
        .args(["test", "--features", "ftpstorm"])
        .args(rest.split(' '))
        .current_dir(root())
        .output();
    let printed = String::from_utf8(run.expect("cargo runs").stdout).expect("UTF-8");
    assert!(printed.contains("1 failed"), "{command}: {printed}");
    let why = printed.lines().find(|line| line.starts_with("Error:"));
    format!("{}\n", why.expect("a reason"))
}

fn is_output(block: &Block) -> bool {
    matches!(block.language.as_str(), "text" | "diff")
}

/// Whether nothing is between two blocks.
fn follows(page: &str, block: &Block, next: &Block) -> bool {
    let between = &page[block.place.end..next.place.start];
    between.lines().filter(|line| !line.is_empty()).count() == 2
}

struct Reader {
    setting: Setting,
    terminals: BTreeMap<usize, Terminal>,
    /// The terminal that the text is about.
    current: usize,
    /// What the last command printed, until the text shows it.
    printed: Option<String>,
}

impl Reader {
    fn new(number: usize) -> Self {
        Self {
            setting: Setting::new(number),
            terminals: BTreeMap::new(),
            current: 1,
            printed: None,
        }
    }

    fn terminal(&mut self, block: &Block) -> &mut Terminal {
        self.current = block.terminal().unwrap_or(self.current);
        let setting = &self.setting;
        self.terminals
            .entry(self.current)
            .or_insert_with(|| Terminal::open(setting))
    }

    fn run(&mut self, block: &Block, commands: &str, output_follows: bool) {
        let actual = self.setting.actual(commands);
        let is_waiting = block.has("waits");
        let terminal = self.terminal(block);
        if is_waiting {
            terminal.type_line(actual.trim_end());
            return;
        }
        let (printed, code) = terminal.run(&actual);
        assert!(output_follows || code == "0", "exit code {code}: {commands}{printed}");
        self.printed = Some(self.setting.shown(&printed));
        for line in commands.lines().filter(|line| line.trim_end().ends_with('&')) {
            if let Some((_, rest)) = line.split_once("127.0.0.1:") {
                let port = rest.split(|letter: char| !letter.is_ascii_digit()).next();
                let port = port.and_then(|port| port.parse().ok()).expect("a port");
                await_listener(self.setting.address(), port);
            }
        }
    }

    /// What the last command printed; or what one that was not waited for has, which has to end now.
    fn output(&mut self, block: &Block) -> String {
        let printed = match (self.printed.take(), block.terminal()) {
            (Some(printed), None) => printed,
            (_, Some(_)) => {
                let (printed, _) = self.terminal(block).finish();
                self.setting.shown(&printed)
            }
            (None, None) => panic!("no command printed this"),
        };
        let printed = printed.replace('\r', "");
        let line_end = if printed.is_empty() || printed.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        printed + line_end
    }

    /// Types the lines of the reader, and returns them together with the replies.
    fn talk(&mut self, block: &Block, shown: &str) -> String {
        let is_reply =
            |line: &str| line.starts_with(' ') || line.get(..3).is_some_and(|code| code.parse::<u16>().is_ok());
        let mut talk = String::new();
        let mut lines = shown.lines().peekable();
        while lines.peek().is_some() {
            if let Some(typed) = lines.next_if(|line| !is_reply(line)) {
                let actual = self.setting.actual(typed);
                self.terminal(block).type_line(&actual);
                talk += &format!("{typed}\n");
            }
            let mut expected = 0;
            while lines.next_if(|line| is_reply(line)).is_some() {
                expected += 1;
            }
            let heard = self.terminal(block).hear(expected);
            talk += &self.setting.shown(&heard).replace('\r', "");
        }
        talk
    }
}

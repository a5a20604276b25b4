//! Whether output is what the text shows: numbers, times and sizes may differ, reply codes, exit codes and words may
//! not.

use libtest_mimic::Trial;

pub fn is_like(printed: &str, shown: &str) -> bool {
    let form = |text: &str| text.trim_end().lines().map(line_form).collect::<Vec<_>>();
    form(printed) == form(shown)
}

/// A line with `#` for each number, and one name for all units of time, and of size.
fn line_form(line: &str) -> String {
    let code = line
        .get(..3)
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()) && line[3..].starts_with([' ', '-']));
    let mut words: Vec<String> = Vec::new();
    for word in line[code.map_or(0, str::len)..].split_whitespace() {
        // An exit code has a meaning, as a reply code has.
        let is_code = words.last().is_some_and(|before| before == "code");
        words.push(if is_code {
            word.to_owned()
        } else {
            without_numbers(word)
        });
    }
    for at in 1..words.len() {
        if words[at - 1].ends_with('#') {
            let (unit, after) = words[at].split_at(words[at].find([';', ',', '/']).unwrap_or(words[at].len()));
            let general = match unit {
                "ns" | "µs" | "ms" | "s" => "TIME",
                "bytes" | "B" | "KiB" | "MiB" | "GiB" => "SIZE",
                other => other,
            };
            let after = after
                .replace("bytes/s", "SIZE/s")
                .replace("KiB/s", "SIZE/s")
                .replace("MiB/s", "SIZE/s");
            words[at] = format!("{general}{after}");
        }
    }
    format!("{} {}", code.unwrap_or_default(), words.join(" "))
}

fn without_numbers(word: &str) -> String {
    let mut form = String::new();
    for letter in word.chars() {
        let goes_on = form.ends_with('#') && matches!(letter, '.' | ',' | ':') && !word.ends_with(letter);
        if !letter.is_ascii_digit() && !goes_on {
            form.push(letter);
        } else if !form.ends_with('#') {
            form.push('#');
        }
    }
    form
}

pub fn trials() -> Vec<Trial> {
    vec![Trial::test("other numbers are alike, other words are not", || {
        for (one, other) in [
            ("227 Connect to (127,0,0,1,137,5)", "227 Connect to (127,0,0,1,9,61)"),
            ("cycle  11  91.95 ms   484 µs", "cycle 1204 9 µs 4.8 s"),
            (
                "memory 1.1 MiB before, 7.5 MiB at most; 13.0 KiB per session",
                "memory 646.0 KiB before, 646.0 KiB at most; 0 bytes per session",
            ),
            ("Nov 25 13:21", "Nov 3 09:07"),
        ] {
            assert!(
                is_like(one, other),
                "{one} | {other}: {} {}",
                line_form(one),
                line_form(other)
            );
        }
        for (one, other) in [
            ("226 Done", "426 Done"),
            ("verdict failed", "verdict passed"),
            ("a\nb", "a"),
            ("exit code 28", "exit code 7"),
            ("220-Welcome", "220 Welcome"),
        ] {
            assert!(!is_like(one, other), "{one} | {other}");
        }
        Ok(())
    })]
}

//! Patterns in the last component of LIST and NLST: `*` and `?`, matched in linear space and without recursion.
//!
//! Braces, brackets, `~` and `**` have no meaning here: richer languages let one command stall a server (threat G11).
//! Backtracking goes to the latest star only, so the cost is at most pattern times name; it is counted, and a listing
//! is charged for it.

/// Longest pattern; a file name cannot be longer either.
const LONGEST: usize = 255;

/// A pattern for one file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Vec<u8>);

impl Glob {
    /// A pattern, unless it is longer than any name.
    pub fn new(pattern: &[u8]) -> Option<Self> {
        (pattern.len() <= LONGEST).then(|| Self(pattern.to_vec()))
    }

    /// Whether text contains `*` or `?`.
    pub fn is_glob(text: &[u8]) -> bool {
        text.iter().any(|byte| matches!(byte, b'*' | b'?'))
    }

    /// Whether `name` matches; comparisons are added to `steps`. Only a dot matches a leading dot, as in shells.
    pub fn matches(&self, name: &[u8], steps: &mut usize) -> bool {
        if name.first() == Some(&b'.') && self.0.first() != Some(&b'.') {
            return false;
        }
        let mut around_last_star = self.0.rsplitn(2, |byte| *byte == b'*');
        let (Some(tail), Some(begin)) = (around_last_star.next(), around_last_star.next()) else {
            *steps += 1 + name.len();
            return self.0.len() == name.len() && begins_with(name, &self.0);
        };
        // What follows the last star can only be the end of the name; comparing it first avoids most of the attempts.
        *steps += 1 + tail.len();
        let Some(middle) = name.len().checked_sub(tail.len()) else {
            return false;
        };
        let (name, end) = name.split_at(middle);
        begins_with(end, tail) && matches_before_a_star(begin, name, steps)
    }
}

/// Whether `pattern`, followed by a star, matches `name`.
fn matches_before_a_star(pattern: &[u8], name: &[u8], steps: &mut usize) -> bool {
    let (mut at_pattern, mut at_name) = (0, 0);
    // Where to go on when the latest star has to match one more byte.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(wanted) = pattern.get(at_pattern) {
        *steps += 1;
        if *wanted == b'*' {
            retry = Some((at_pattern + 1, at_name + 1));
            at_pattern += 1;
            continue;
        }
        match name.get(at_name) {
            None => return false,
            Some(byte) if *wanted == b'?' || wanted == byte => {
                at_pattern += 1;
                at_name += 1;
            }
            Some(_) => {
                let Some((after_star, from)) = retry else {
                    return false;
                };
                (at_pattern, at_name) = (after_star, from);
                retry = Some((after_star, from + 1));
            }
        }
    }
    true
}

/// Whether `name` begins with what `pattern`, which has no star, matches.
fn begins_with(name: &[u8], pattern: &[u8]) -> bool {
    name.len() >= pattern.len()
        && pattern
            .iter()
            .zip(name)
            .all(|(wanted, byte)| *wanted == b'?' || wanted == byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::new(pattern.as_bytes())
            .expect("short")
            .matches(name.as_bytes(), &mut 0)
    }

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.txt", "a.txt", true),
            ("a?c*", "abcdef", true),
            ("*", "anything", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("a*b", "ac", false),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} and {name}");
        }
    }

    #[test]
    fn g11_nothing_else_is_special() {
        assert!(!matches("{a,b}", "a"));
        assert!(!matches("[ab]", "a"));
        assert!(matches("[ab]*", "[ab]c"));
        assert!(Glob::new(&[b'*'; 256]).is_none());
    }

    /// However pattern and name are chosen, a quarter of pattern times name is the most.
    #[test]
    fn g11_a_pattern_of_many_stars_is_matched_fast() {
        let bombs = [
            "a*".repeat(100) + "b",
            format!("*{}b", "a".repeat(253)),
            format!("*{}b*", "a".repeat(126)),
            format!("*{}b*", "?".repeat(126)),
            "*".repeat(255),
            "*a".repeat(127),
        ];
        for bomb in bombs {
            let pattern = Glob::new(bomb.as_bytes()).expect("short");
            let mut steps = 0;
            pattern.matches(&[b'a'; 255], &mut steps);
            assert!(steps <= 255 * 255 / 4 + 1_000, "{steps} steps of {bomb}");
        }
        let suffix = Glob::new(format!("*{}b", "a".repeat(253)).as_bytes()).expect("short");
        let mut steps = 0;
        assert!(!suffix.matches(&[b'a'; 255], &mut steps));
        assert!(steps < 300, "{steps} steps: the end is looked at first");
    }

    /// A listing of many names adds them up, and is charged for at least a comparison for each byte that was looked at.
    #[test]
    fn g11_every_comparison_is_counted() {
        let steps_of = |pattern: &str, name: &str| {
            let mut steps = 1_000;
            let is_match = Glob::new(pattern.as_bytes())
                .expect("short")
                .matches(name.as_bytes(), &mut steps);
            assert!(is_match, "{pattern} and {name}");
            steps - 1_000
        };
        let name = "a".repeat(200);
        for pattern in [&name, &"?".repeat(200), &format!("*{name}"), &format!("{name}*")] {
            assert!(steps_of(pattern, &name) > 200, "{pattern}");
        }
        // Two bytes after the star are compared at each of 199 places.
        assert!(steps_of("*ab*", &format!("{name}b")) > 2 * 199);
        assert!(steps_of("*", &name) < 5, "a star alone looks at no byte");
    }

    #[test]
    fn only_stars_and_question_marks_make_a_pattern() {
        assert!(
            Glob::is_glob(b"*.txt") && Glob::is_glob(b"a?") && !Glob::is_glob(b"[a]{b}~.txt") && !Glob::is_glob(b"")
        );
    }

    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=name.len()).any(|from| naive(rest, &name[from..])),
            (Some((b'?', rest)), Some((_, name))) => naive(rest, name),
            (Some((wanted, rest)), Some((byte, name))) => wanted == byte && naive(rest, name),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_definition(pattern in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &name), naive(pattern.as_bytes(), name.as_bytes()));
        }
    }
}

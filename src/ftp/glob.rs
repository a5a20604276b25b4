//! Patterns in the last component of LIST and NLST: `*` and `?`, matched in linear space and without recursion.
//!
//! Braces, brackets, `~` and `**` mean nothing here: every richer language has let one command stop a server
//! (threat G11). A star is retried only from the latest star on, so the cost is at most pattern times name.

/// Longest pattern; a file name cannot be longer either.
const LONGEST: usize = 255;

/// A pattern for one file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<u8>);

impl Pattern {
    /// A pattern, unless it is longer than any name.
    pub fn new(pattern: &[u8]) -> Option<Self> {
        (pattern.len() <= LONGEST).then(|| Self(pattern.to_vec()))
    }

    /// Whether text has anything that makes it a pattern.
    pub fn is_pattern(text: &[u8]) -> bool {
        text.iter().any(|byte| matches!(byte, b'*' | b'?'))
    }

    /// Whether `name` matches. A leading dot is matched by a dot only, as in every shell.
    pub fn matches(&self, name: &[u8]) -> bool {
        if name.first() == Some(&b'.') && self.0.first() != Some(&b'.') {
            return false;
        }
        let (mut at_pattern, mut at_name) = (0, 0);
        // Where to go on when the latest star has to swallow one more byte.
        let mut retry: Option<(usize, usize)> = None;
        while let Some(byte) = name.get(at_name) {
            match self.0.get(at_pattern) {
                Some(b'*') => {
                    retry = Some((at_pattern + 1, at_name + 1));
                    at_pattern += 1;
                    continue;
                }
                Some(wanted) if *wanted == b'?' || wanted == byte => {
                    at_pattern += 1;
                    at_name += 1;
                    continue;
                }
                Some(_) | None => {}
            }
            let Some((after_star, from)) = retry else {
                return false;
            };
            (at_pattern, at_name) = (after_star, from);
            retry = Some((after_star, from + 1));
        }
        self.0.iter().skip(at_pattern).all(|rest| *rest == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern.as_bytes())
            .expect("short")
            .matches(name.as_bytes())
    }

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        assert!(matches("*.txt", "a.txt"));
        assert!(matches("a?c*", "abcdef"));
        assert!(matches("*", "anything"));
        assert!(!matches("*", ".hidden"));
        assert!(matches(".*", ".hidden"));
        assert!(!matches("a*b", "ac"));
        assert!(!matches("?", ""));
    }

    #[test]
    fn g11_nothing_else_is_special() {
        assert!(!matches("{a,b}", "a"));
        assert!(!matches("[ab]", "a"));
        assert!(matches("[ab]*", "[ab]c"));
        assert!(Pattern::new(&[b'*'; 256]).is_none());
    }

    #[test]
    fn g11_a_bomb_costs_no_more_than_pattern_times_name() {
        let pattern = "a*".repeat(100) + "b";
        // A backtracking matcher would need more than the age of the universe.
        assert!(!matches(&pattern, &"a".repeat(255)));
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

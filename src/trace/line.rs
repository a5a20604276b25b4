//! One line of the trace: what kind it is, which client it is about, and how it is printed.

use std::net::IpAddr;

/// What a line is about. It decides the colour and the indentation, and whether the line may be folded away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A turn begins.
    Turn,
    /// Why work is done: an event, or a deadline that has passed.
    Event,
    /// A system call and its outcome.
    Call,
    /// Bytes of a transfer were moved.
    Moved,
    /// Work is left for a later turn.
    Queue,
    /// A line from a client.
    Command,
    /// A line to a client.
    Reply,
    /// A state changed; a session began or ended.
    Change,
    /// Turns that only repeated earlier ones were left out.
    Folded,
    /// The turn is over: what the loop waits for now.
    Wait,
}

/// A session and its client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub session: u64,
    pub address: IpAddr,
}

/// A line of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub kind: Kind,
    /// `None`: it is about the loop, or it is not known yet whom it will be about.
    pub client: Option<Client>,
    /// Bytes of a transfer that were moved.
    pub moved: u64,
    pub text: String,
}

/// Colours of session numbers (of the 256 that terminals have), legible on dark and light backgrounds.
const SESSION_COLOURS: [u8; 10] = [208, 39, 170, 71, 136, 203, 99, 37, 168, 107];

impl Kind {
    /// Whether a turn with such a line is always shown: something has happened that the turns before it did not have.
    pub(super) fn is_news(self) -> bool {
        matches!(self, Kind::Command | Kind::Reply | Kind::Change)
    }

    fn indentation(self) -> &'static str {
        match self {
            Kind::Turn => "",
            Kind::Event | Kind::Folded | Kind::Wait => "  ",
            Kind::Call | Kind::Moved | Kind::Queue | Kind::Command | Kind::Reply | Kind::Change => "    ",
        }
    }

    /// The parameters of the terminal's colour sequence.
    fn colour(self) -> &'static str {
        match self {
            Kind::Turn => "1;36",
            Kind::Event => "33",
            Kind::Command | Kind::Reply => "1",
            Kind::Change => "32",
            Kind::Call | Kind::Moved => "0",
            Kind::Queue | Kind::Folded | Kind::Wait => "2",
        }
    }
}

impl Line {
    /// The line as it is printed, with its end.
    pub(super) fn printed(&self, is_coloured: bool) -> String {
        let indentation = self.kind.indentation();
        let session = self.client.map(|client| client.session);
        if !is_coloured {
            let session = session.map(|number| format!("session {number}: ")).unwrap_or_default();
            return format!("{indentation}{session}{}\n", self.text);
        }
        let session = session.map(|number| {
            let [first, ..] = SESSION_COLOURS;
            let place = usize::try_from(number).unwrap_or_default() % SESSION_COLOURS.len();
            let colour = SESSION_COLOURS.get(place).unwrap_or(&first);
            format!("\x1b[38;5;{colour}msession {number}\x1b[0m: ")
        });
        format!(
            "{indentation}{}\x1b[{}m{}\x1b[0m\n",
            session.unwrap_or_default(),
            self.kind.colour(),
            self.text
        )
    }

    /// What repeats when a turn is like an earlier one: the text without its numbers and quoted names, and the session.
    pub(super) fn shape(&self) -> String {
        let session = self.client.map_or(0, |client| client.session);
        let mut shape = format!("{session} ");
        for part in self.text.split('"').step_by(2) {
            for character in part.chars() {
                match character {
                    '0'..='9' if shape.ends_with('#') => {}
                    '0'..='9' => shape.push('#'),
                    other => shape.push(other),
                }
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: Kind, session: u64, text: &str) -> Line {
        Line {
            kind,
            client: Some(Client {
                session,
                address: [127, 0, 0, 1].into(),
            }),
            moved: 0,
            text: text.to_owned(),
        }
    }

    #[test]
    fn lines_are_indented_by_kind_and_coloured_on_request() {
        let call = line(Kind::Call, 7, "recvfrom → 6 bytes (fd 9)");
        assert_eq!(call.printed(false), "    session 7: recvfrom → 6 bytes (fd 9)\n");
        let turn = Line {
            client: None,
            ..line(Kind::Turn, 0, "turn 1")
        };
        assert_eq!(turn.printed(false), "turn 1\n");
        assert_eq!(turn.printed(true), "\x1b[1;36mturn 1\x1b[0m\n");
    }

    #[test]
    fn a_session_has_one_colour_and_its_neighbours_have_others() {
        let colour_of = |session, kind| {
            let printed = line(kind, session, "x").printed(true);
            let (colour, _) = printed.split_once("msession").expect("a colour");
            colour.trim_start().to_owned()
        };
        assert_eq!(colour_of(7, Kind::Call), colour_of(7, Kind::Event));
        assert_ne!(colour_of(7, Kind::Call), colour_of(8, Kind::Call));
        colour_of(u64::MAX, Kind::Call);
    }

    #[test]
    fn lines_that_differ_in_numbers_have_one_shape_unless_their_sessions_differ() {
        let shape = |session, text| line(Kind::Call, session, text).shape();
        assert_eq!(shape(1, "sendfile → 262144 bytes"), shape(1, "sendfile → 5 bytes"));
        assert_ne!(shape(1, "sendfile → 5 bytes"), shape(2, "sendfile → 5 bytes"));
        assert_ne!(shape(1, "sendfile → 5 bytes"), shape(1, "sendfile → EAGAIN"));
        assert_eq!(shape(1, "openat2 → fd 11 (\"a\")"), shape(1, "openat2 → fd 12 (\"b\")"));
    }
}

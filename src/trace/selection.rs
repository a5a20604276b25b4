//! `--trace=SESSION|ADDR`: the lines of one client, and of the loop what led to them.

use super::line::{Client, Kind, Line};
use std::net::IpAddr;

/// Whose lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    Everything,
    Session(u64),
    /// All sessions of one client.
    Address(IpAddr),
}

/// Lets the lines of the selected client pass. Lines about nobody in particular (the beginning of a turn, an `accept4`)
/// wait until it is clear whom they led to.
#[derive(Debug)]
pub(super) struct Spotlight {
    selection: Selection,
    waiting: Vec<Line>,
    is_turn_shown: bool,
}

impl Selection {
    /// A session's number, or an address.
    pub fn parse(text: &str) -> Option<Self> {
        let session = text.parse().ok().filter(|number| *number > 0).map(Selection::Session);
        let address = || Some(Selection::Address(text.parse::<IpAddr>().ok()?.to_canonical()));
        session.or_else(address)
    }

    pub(super) fn includes(self, client: Client) -> bool {
        match self {
            Selection::Everything => true,
            Selection::Session(number) => client.session == number,
            Selection::Address(address) => client.address == address,
        }
    }
}

impl Spotlight {
    pub(super) fn on(selection: Selection) -> Self {
        Self {
            selection,
            waiting: Vec::new(),
            is_turn_shown: false,
        }
    }

    pub(super) fn includes(&self, client: Client) -> bool {
        self.selection.includes(client)
    }

    /// The lines to be shown now that `line` has come.
    pub(super) fn shown(&mut self, line: Line) -> Vec<Line> {
        if self.selection == Selection::Everything {
            return vec![line];
        }
        match (line.kind, line.client) {
            (Kind::Turn, _) => {
                self.is_turn_shown = false;
                self.waiting = vec![line];
                Vec::new()
            }
            (Kind::Wait, _) if !self.is_turn_shown => Vec::new(),
            (Kind::Wait, _) => vec![line],
            (_, None) => {
                self.waiting.push(line);
                Vec::new()
            }
            (_, Some(client)) if self.selection.includes(client) => {
                self.is_turn_shown = true;
                let mut shown = std::mem::take(&mut self.waiting);
                shown.push(line);
                shown
            }
            (_, Some(_)) => {
                // What waits has led to another client; only the beginning of the turn concerns all.
                self.waiting.retain(|line| line.kind == Kind::Turn);
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_number_is_a_session_and_an_address_is_a_client() {
        let parse = Selection::parse;
        assert_eq!(parse("17"), Some(Selection::Session(17)));
        let local = Selection::Address(Ipv4Addr::LOCALHOST.into());
        assert_eq!(parse("127.0.0.1"), Some(local));
        assert_eq!(parse("::ffff:127.0.0.1"), Some(local), "as sessions have it");
        assert!(parse("::1").is_some());
        for wrong in ["", "0", "-1", "127.0.0", "localhost", "127.0.0.1:21", "/srv"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    /// Two clients in one turn; the first character of a line is its session, 0 for none.
    fn shown(selection: Selection) -> String {
        let mut spotlight = Spotlight::on(selection);
        let lines = [
            (Kind::Turn, "0 turn 1"),
            (Kind::Event, "0 a client waits"),
            (Kind::Call, "0 accept4 for 1"),
            (Kind::Change, "1 begins"),
            (Kind::Call, "0 accept4 for 2"),
            (Kind::Change, "2 begins"),
            (Kind::Wait, "0 wait"),
            (Kind::Turn, "0 turn 2"),
            (Kind::Event, "1 is readable"),
            (Kind::Wait, "0 wait"),
        ];
        let lines = lines.into_iter().flat_map(|(kind, text)| {
            let number = u64::from(text.as_bytes()[0] - b'0');
            let client = (number > 0).then(|| Client {
                session: number,
                address: Ipv4Addr::new(10, 0, 0, number as u8).into(),
            });
            let text = text[2..].to_owned();
            spotlight.shown(Line {
                kind,
                client,
                moved: 0,
                text,
            })
        });
        lines.map(|line| line.text).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn one_client_is_shown_with_what_led_to_it_and_turns_of_others_are_left_out() {
        let first = "turn 1|a client waits|accept4 for 1|begins|wait|turn 2|is readable|wait";
        assert_eq!(shown(Selection::Session(1)), first);
        let second = "turn 1|accept4 for 2|begins|wait";
        assert_eq!(shown(Selection::Session(2)), second);
        assert_eq!(shown(Selection::Address([10, 0, 0, 2].into())), second);
        assert_eq!(shown(Selection::Session(3)), "");
        assert_eq!(shown(Selection::Everything).split('|').count(), 10);
    }
}

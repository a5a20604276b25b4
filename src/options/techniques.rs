//! What the loop does to be fast, each of which can be left out, so that what it brings can be measured.
//!
//! `--without TECHNIQUE` is for benchmarks only and is not shown by `--help`. A server without a technique serves the
//! same bytes; it may be slower, and without the ring it may lose a port to another program.

use std::fmt;

/// Something that is done for speed and could be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technique {
    /// `TCP_CORK` on data sockets: only full segments leave.
    Cork,
    /// A data socket is written to at once, and registered with the poll only when it would block.
    WriteFirst,
    /// Passive ports are bound once, at the start, and not for each `PASV`.
    Ring,
    /// Replies leave together at the end of a turn.
    Coalescing,
    /// `TCP_NODELAY` on control sockets: a reply does not wait for the acknowledgement of the one before.
    NoDelay,
    /// Before it sleeps, the loop looks again for a moment.
    BusyPoll,
}

/// The techniques that are used: all but those listed here, which are none unless somebody measures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Techniques {
    left_out: Vec<Technique>,
}

impl Technique {
    /// Every technique.
    pub const ALL: [Technique; 6] = [
        Technique::Cork,
        Technique::WriteFirst,
        Technique::Ring,
        Technique::Coalescing,
        Technique::NoDelay,
        Technique::BusyPoll,
    ];

    /// As the command line says it.
    pub fn name(self) -> &'static str {
        match self {
            Technique::Cork => "cork",
            Technique::WriteFirst => "write-first",
            Technique::Ring => "ring",
            Technique::Coalescing => "coalescing",
            Technique::NoDelay => "nodelay",
            Technique::BusyPoll => "busy-poll",
        }
    }
}

impl Techniques {
    /// All but those named.
    pub fn parse(names: &[String]) -> Result<Self, String> {
        let technique = |name: &String| {
            Technique::ALL
                .into_iter()
                .find(|technique| technique.name() == name)
                .ok_or_else(|| {
                    format!(
                        "{name}: expected one of {}",
                        Technique::ALL.map(Technique::name).join(", ")
                    )
                })
        };
        Ok(Self {
            left_out: names.iter().map(technique).collect::<Result<_, _>>()?,
        })
    }

    /// Whether this technique is among those used.
    pub fn include(&self, technique: Technique) -> bool {
        !self.left_out.contains(&technique)
    }
}

impl fmt::Display for Techniques {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.left_out.iter().map(|technique| technique.name()).collect();
        formatter.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_used_unless_it_is_named() {
        assert!(
            Technique::ALL
                .into_iter()
                .all(|technique| Techniques::default().include(technique))
        );
        let without = Techniques::parse(&["ring".to_owned(), "cork".to_owned()]).expect("names of techniques");
        let used: Vec<&str> = Technique::ALL
            .into_iter()
            .filter(|technique| without.include(*technique))
            .map(Technique::name)
            .collect();
        assert_eq!(used, ["write-first", "coalescing", "nodelay", "busy-poll"]);
    }
}

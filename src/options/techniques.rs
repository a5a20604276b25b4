//! Optimizations that can be switched off, so that their effect can be measured.
//!
//! `--without TECHNIQUE` is for benchmarks only and not in `--help`. A server without a technique serves the same
//! bytes, more slowly.

use std::fmt;

/// An optimization that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technique {
    /// `TCP_CORK` on data sockets: only full segments leave.
    Cork,
    /// `TCP_NODELAY` on control sockets: a reply does not wait for the acknowledgement of the previous one.
    NoDelay,
    /// Poll for a short time without sleeping before going to sleep.
    BusyPoll,
}

/// The techniques in use: all, except those switched off for a measurement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Techniques {
    left_out: Vec<Technique>,
}

impl Technique {
    /// Every technique.
    pub const ALL: [Technique; 3] = [Technique::Cork, Technique::NoDelay, Technique::BusyPoll];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Technique::Cork => "cork",
            Technique::NoDelay => "nodelay",
            Technique::BusyPoll => "busy-poll",
        }
    }
}

impl Techniques {
    /// All techniques except `names`.
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

    /// Whether `technique` is in use.
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
    fn all_techniques_are_in_use_except_those_named() {
        assert!(
            Technique::ALL
                .into_iter()
                .all(|technique| Techniques::default().include(technique))
        );
        let without = Techniques::parse(&["cork".to_owned()]).expect("names of techniques");
        let used: Vec<&str> = Technique::ALL
            .into_iter()
            .filter(|technique| without.include(*technique))
            .map(Technique::name)
            .collect();
        assert_eq!(used, ["nodelay", "busy-poll"]);
    }
}

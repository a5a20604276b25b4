//! Scenarios: what ftpstorm does with the server.

/// A scenario, and what is fixed for it.
#[derive(Debug)]
pub struct Scenario {
    pub kind: ScenarioKind,
    pub name: &'static str,
    /// What it does, for `--help`.
    pub about: &'static str,
    /// Whether the question is if the server withstands it.
    pub is_attack: bool,
    /// Whether its own operations move files or listings.
    pub moves_data: bool,
    /// Whether it downloads a file that must exist on the server; `mixed` does so only with a weight for it.
    pub downloads: bool,
    /// Whether it can compare the bytes of its downloads.
    pub compares: bool,
    /// Whether some client sends NOOP; in `mixed` only with a weight for it.
    pub sends_noop: bool,
    /// `--count`, unless it or `--duration` is given.
    pub usual_count: Option<u64>,
    /// The unit of an attack's effects; `None`: they are not counted.
    pub effect_unit: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScenarioKind {
    Login,
    Cycle,
    Download,
    Upload,
    Mixed,
    Idle,
    Fair,
    Exhaust,
    Hoard,
    Slowloris,
    Stall,
    Thief,
    Squat,
    Reset,
    Flood,
    Lines,
}

/// A load whose operations move data.
const fn load(kind: ScenarioKind, name: &'static str, about: &'static str) -> Scenario {
    Scenario {
        kind,
        name,
        about,
        is_attack: false,
        moves_data: true,
        downloads: false,
        compares: false,
        sends_noop: false,
        usual_count: None,
        effect_unit: None,
    }
}

/// An attack beside a client that sends NOOP.
const fn attack(kind: ScenarioKind, name: &'static str, about: &'static str) -> Scenario {
    Scenario {
        is_attack: true,
        sends_noop: true,
        ..load(kind, name, about)
    }
}

/// In the order of `--help`.
#[rustfmt::skip]
pub static SCENARIOS: [Scenario; 16] = [
    Scenario { moves_data: false,
        ..load(ScenarioKind::Login, "login", "connect, USER, PASS, QUIT") },
    load(ScenarioKind::Cycle, "cycle", "PASV or EPSV, connect, LIST (--list NLST or MLSD)"),
    Scenario { downloads: true, compares: true,
        ..load(ScenarioKind::Download, "download", "PASV, connect, RETR --path") },
    load(ScenarioKind::Upload, "upload", "STOR a file of --size into --path, download it, compare"),
    Scenario { downloads: true, compares: true, sends_noop: true,
        ..load(ScenarioKind::Mixed, "mixed", "cycle, download, upload and NOOP, weighted by --mix") },
    Scenario { moves_data: false, sends_noop: true,
        ..load(ScenarioKind::Idle, "idle", "hold --clients sessions, send NOOP on a sample of them") },
    Scenario { downloads: true, compares: true, sends_noop: true,
        ..load(ScenarioKind::Fair, "fair", "downloads of --path beside a client that sends NOOP") },
    Scenario { sends_noop: false, usual_count: Some(70_000),
        ..attack(ScenarioKind::Exhaust, "exhaust", "attack: one session repeats PASV, connect, LIST") },
    Scenario { moves_data: false, effect_unit: Some("ports hoarded"),
        ..attack(ScenarioKind::Hoard, "hoard", "attack: PASV again and again without connecting") },
    Scenario { moves_data: false, effect_unit: Some("bytes sent one by one"),
        ..attack(ScenarioKind::Slowloris, "slowloris", "attack: a byte every two seconds, never a login") },
    Scenario { downloads: true, effect_unit: Some("downloads stalled"),
        ..attack(ScenarioKind::Stall, "stall", "attack: downloads of --path that are never read") },
    Scenario { usual_count: Some(10_000),
        ..attack(ScenarioKind::Thief, "thief", "attack: connect to passive ports announced to others") },
    attack(ScenarioKind::Squat, "squat", "attack: bind ports of the server's passive range"),
    Scenario { downloads: true, effect_unit: Some("downloads reset"),
        ..attack(ScenarioKind::Reset, "reset", "attack: reset downloads of --path in the middle") },
    Scenario { effect_unit: Some("bytes of commands sent"),
        ..attack(ScenarioKind::Flood, "flood", "attack: pipelined commands, replies are never read") },
    Scenario { effect_unit: Some("bytes of malformed lines sent"),
        ..attack(ScenarioKind::Lines, "lines", "attack: endless and malformed lines") },
];

/// `--mix`: how often the parts of `mixed` are chosen, relative to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mix {
    pub cycle: u32,
    pub download: u32,
    pub upload: u32,
    pub noop: u32,
}

impl Mix {
    /// Parses `cycle=4,download=4,upload=1,noop=2`; a part that is not named is never chosen.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected weights such as cycle=4,download=4,upload=1,noop=2".to_owned();
        let mut mix = Mix::default();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or_else(expected)?;
            let weight: u32 = weight.parse().map_err(|_| expected())?;
            *match name {
                "cycle" => &mut mix.cycle,
                "download" => &mut mix.download,
                "upload" => &mut mix.upload,
                "noop" => &mut mix.noop,
                _ => return Err(expected()),
            } = weight.min(1_000_000);
        }
        if mix == Mix::default() {
            return Err(expected());
        }
        Ok(mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_scenarios_share_a_name_or_a_kind() {
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            for other in &SCENARIOS[..index] {
                assert!(
                    scenario.name != other.name && scenario.kind != other.kind,
                    "{scenario:?}"
                );
            }
        }
    }

    #[test]
    fn a_mix_takes_its_weights_by_name_and_needs_one_above_zero() {
        let expected = Mix {
            upload: 1_000_000,
            noop: 2,
            ..Mix::default()
        };
        assert_eq!(Mix::parse("noop=2,upload=9999999"), Ok(expected));
        for bad in ["", "cycle", "cycle=", "cycle=-1", "list=1", "cycle=0", "cycle=1,"] {
            assert!(Mix::parse(bad).is_err(), "{bad}");
        }
    }
}

//! Scenarios: what ftpstorm does with the server.

use super::mix::Mix;

/// What is done with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
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

/// What is fixed for a scenario.
#[derive(Clone, Copy, Debug)]
struct Traits {
    name: &'static str,
    about: &'static str,
    is_attack: bool,
    /// Whether its own operations move files or listings.
    moves_data: bool,
    downloads: bool,
    /// Whether it can compare the bytes of its downloads.
    compares: bool,
    /// Whether some client sends NOOP.
    sends_noop: bool,
    usual_count: Option<u64>,
    /// The unit of an attack's effects; `None`: they are not counted.
    effect_unit: Option<&'static str>,
}

/// A load whose operations move data.
const LOAD: Traits = Traits {
    name: "",
    about: "",
    is_attack: false,
    moves_data: true,
    downloads: false,
    compares: false,
    sends_noop: false,
    usual_count: None,
    effect_unit: None,
};

/// An attack beside a client that sends NOOP.
const ATTACK: Traits = Traits {
    is_attack: true,
    sends_noop: true,
    ..LOAD
};

impl Scenario {
    /// In the order of `--help`.
    pub const ALL: [Scenario; 16] = [
        Scenario::Login,
        Scenario::Cycle,
        Scenario::Download,
        Scenario::Upload,
        Scenario::Mixed,
        Scenario::Idle,
        Scenario::Fair,
        Scenario::Exhaust,
        Scenario::Hoard,
        Scenario::Slowloris,
        Scenario::Stall,
        Scenario::Thief,
        Scenario::Squat,
        Scenario::Reset,
        Scenario::Flood,
        Scenario::Lines,
    ];

    #[rustfmt::skip]
    fn traits(self) -> Traits {
        match self {
            Scenario::Login => Traits { name: "login", moves_data: false,
                about: "connect, USER, PASS, QUIT", ..LOAD },
            Scenario::Cycle => Traits { name: "cycle",
                about: "PASV or EPSV, connect, LIST (--list NLST or MLSD)", ..LOAD },
            Scenario::Download => Traits { name: "download", downloads: true, compares: true,
                about: "PASV, connect, RETR --path", ..LOAD },
            Scenario::Upload => Traits { name: "upload",
                about: "STOR a file of --size into --path, download it, compare", ..LOAD },
            Scenario::Mixed => Traits { name: "mixed", downloads: true, compares: true, sends_noop: true,
                about: "cycle, download, upload and NOOP, weighted by --mix", ..LOAD },
            Scenario::Idle => Traits { name: "idle", moves_data: false, sends_noop: true,
                about: "hold --clients sessions, send NOOP on a sample of them", ..LOAD },
            Scenario::Fair => Traits { name: "fair", downloads: true, compares: true, sends_noop: true,
                about: "downloads of --path beside a client that sends NOOP", ..LOAD },
            Scenario::Exhaust => Traits { name: "exhaust", sends_noop: false, usual_count: Some(70_000),
                about: "attack: one session repeats PASV, connect, LIST", ..ATTACK },
            Scenario::Hoard => Traits { name: "hoard", moves_data: false, effect_unit: Some("ports hoarded"),
                about: "attack: PASV again and again without connecting", ..ATTACK },
            Scenario::Slowloris => Traits { name: "slowloris", moves_data: false,
                effect_unit: Some("bytes sent one by one"),
                about: "attack: a byte every two seconds, never a login", ..ATTACK },
            Scenario::Stall => Traits { name: "stall", downloads: true, effect_unit: Some("downloads stalled"),
                about: "attack: downloads of --path that are never read", ..ATTACK },
            Scenario::Thief => Traits { name: "thief", usual_count: Some(10_000),
                about: "attack: connect to passive ports announced to others", ..ATTACK },
            Scenario::Squat => Traits { name: "squat",
                about: "attack: bind ports of the server's passive range", ..ATTACK },
            Scenario::Reset => Traits { name: "reset", downloads: true, effect_unit: Some("downloads reset"),
                about: "attack: reset downloads of --path in the middle", ..ATTACK },
            Scenario::Flood => Traits { name: "flood", effect_unit: Some("bytes of commands sent"),
                about: "attack: pipelined commands, replies are never read", ..ATTACK },
            Scenario::Lines => Traits { name: "lines", effect_unit: Some("bytes of malformed lines sent"),
                about: "attack: endless and malformed lines", ..ATTACK },
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    pub fn name(self) -> &'static str {
        self.traits().name
    }

    /// What it does, for `--help`.
    pub fn about(self) -> &'static str {
        self.traits().about
    }

    /// Whether the question is if the server withstands it.
    pub fn is_attack(self) -> bool {
        self.traits().is_attack
    }

    /// Whether its own operations move files or listings.
    pub fn moves_data(self) -> bool {
        self.traits().moves_data
    }

    /// Whether it downloads a file that must exist on the server.
    pub fn downloads(self, mix: Mix) -> bool {
        self.traits().downloads && (self != Scenario::Mixed || mix.download > 0)
    }

    /// Whether it can compare the bytes of its downloads.
    pub fn compares(self) -> bool {
        self.traits().compares
    }

    /// Whether some client sends NOOP.
    pub fn sends_noop(self, mix: Mix) -> bool {
        self.traits().sends_noop && (self != Scenario::Mixed || mix.noop > 0)
    }

    /// `--count`, unless it or `--duration` is given.
    pub fn usual_count(self) -> Option<u64> {
        self.traits().usual_count
    }

    /// The unit of an attack's effects; `None`: they are not counted.
    pub fn effect_unit(self) -> Option<&'static str> {
        self.traits().effect_unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_scenario_and_no_two_share_one() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::of_name(scenario.name()), Some(scenario));
        }
        assert_eq!(Scenario::of_name(""), None);
    }

    #[test]
    fn a_mix_downloads_and_probes_only_what_it_is_made_of() {
        let mix = Mix::parse("cycle=1").expect("a mix");
        assert!(!Scenario::Mixed.downloads(mix) && !Scenario::Mixed.sends_noop(mix));
        assert!(Scenario::Fair.downloads(mix) && Scenario::Fair.sends_noop(mix));
    }
}

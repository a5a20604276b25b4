//! The scripts of attackers.

use super::Draft;
use crate::script::{Misbehaviour, ScriptStep};
use std::time::Duration;

/// How long a misbehaving connection is held before the next.
const HOLD: Duration = Duration::from_secs(5);
/// How long malformed lines may be answered.
const HOLD_MALFORMED: Duration = Duration::from_secs(1);
/// Time between two bytes of slowloris.
const TRICKLE_INTERVAL: Duration = Duration::from_secs(2);
/// How long a hoarded port is left unused before the next PASV.
const HOARD_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes of one flood or endless line.
const FLOOD_BYTES: usize = 64 * 1024;

/// What each attacker chooses from.
type Scripts = Vec<Vec<ScriptStep>>;

impl Draft<'_> {
    pub(super) fn hoard(&self) -> Scripts {
        let pause = ScriptStep::Pause(HOARD_INTERVAL);
        vec![vec![self.passive(), ScriptStep::CountEffect, pause]]
    }

    pub(super) fn slowloris() -> Scripts {
        let every = TRICKLE_INTERVAL;
        let trickle = Misbehaviour::Trickle { every };
        vec![vec![ScriptStep::Connect, ScriptStep::Misbehave(trickle)]]
    }

    pub(super) fn stall(&self) -> Scripts {
        let line = self.retrieve();
        let stall = Misbehaviour::Stall { line, hold: HOLD };
        vec![vec![self.passive(), ScriptStep::Misbehave(stall)]]
    }

    pub(super) fn reset(&self) -> Scripts {
        let reset = |after| {
            let line = self.retrieve();
            ScriptStep::Misbehave(Misbehaviour::Reset { line, after })
        };
        let sizes = [1, 100_000, 1_000_000];
        sizes.map(|after| vec![self.passive(), reset(after)]).to_vec()
    }

    pub(super) fn flood() -> Scripts {
        let commands = b"NOOP\r\nSTAT\r\nHELP\r\nFEAT\r\n";
        let bytes = commands.repeat(FLOOD_BYTES / commands.len()).into();
        let flood = Misbehaviour::Flood { bytes, hold: HOLD };
        vec![vec![ScriptStep::Misbehave(flood)]]
    }

    pub(super) fn malformed_lines() -> Scripts {
        let script = |bytes: Vec<u8>| {
            let (bytes, hold) = (bytes.into(), HOLD_MALFORMED);
            let malformed = Misbehaviour::Malformed { bytes, hold };
            vec![ScriptStep::Connect, ScriptStep::Misbehave(malformed)]
        };
        malformed_lines().into_iter().map(script).collect()
    }
}

/// Lines that have broken servers.
fn malformed_lines() -> Vec<Vec<u8>> {
    vec![
        vec![b'A'; FLOOD_BYTES],
        b"\r\n".repeat(FLOOD_BYTES / 2),
        vec![0; 4096],
        vec![0xff; 4096],
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        b"USER %n%n%n%s%s%s\r\nPASS %x%x%x\r\n".to_vec(),
        [&b"USER "[..], &vec![b'x'; 8192], b"\r\n"].concat(),
        b"USER anonymous\r\nPASS x\r\nCWD ../../../../../../etc\r\nRETR ../../../../etc/passwd\r\n".to_vec(),
        [
            &b"USER anonymous\r\nPASS x\r\nPORT 0,0,0,0,0,0\r\nPORT 1,2,3\r\nEPRT |9|x|y|\r\n"[..],
            b"REST -1\r\nREST 99999999999999999999\r\n",
        ]
        .concat(),
        b"\xff\xf4\xff\xf2ABOR\r\n".to_vec(),
    ]
}

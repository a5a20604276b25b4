//! Bytes that thieves receive: their connections are read until the server has closed them or has had enough time to
//! send something.

use mio::net::TcpStream;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

/// A server may serve a thief a little later than its client, but not after this long.
pub const PATIENCE: Duration = Duration::from_millis(200);
/// Connections watched at the same time; beyond it the oldest is read for the last time.
const WATCHED: usize = 512;

/// Connections of thieves whose clients' operations have ended.
#[derive(Debug, Default)]
pub struct StolenBytes {
    watched: VecDeque<(Instant, TcpStream)>,
}

impl StolenBytes {
    /// Takes a thief's connection and returns how many bytes it received so far. Watches it further unless the server
    /// has closed it.
    pub fn watch(&mut self, mut thief: TcpStream, now: Instant, scratch: &mut [u8]) -> u64 {
        let (mut stolen, is_open) = read(&mut thief, scratch);
        if is_open {
            self.watched.push_back((now, thief));
        }
        if self.watched.len() > WATCHED
            && let Some((_, mut oldest)) = self.watched.pop_front()
        {
            stolen += read(&mut oldest, scratch).0;
        }
        stolen
    }

    /// Reads the connections that have been watched long enough; returns how many bytes they received.
    pub fn collect(&mut self, now: Instant, scratch: &mut [u8]) -> u64 {
        let mut stolen = 0;
        while let Some((since, _)) = self.watched.front()
            && now.saturating_duration_since(*since) >= PATIENCE
            && let Some((_, mut thief)) = self.watched.pop_front()
        {
            stolen += read(&mut thief, scratch).0;
        }
        stolen
    }

    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }
}

/// Returns how many bytes have arrived, and whether more can.
fn read(thief: &mut TcpStream, scratch: &mut [u8]) -> (u64, bool) {
    let mut stolen = 0;
    loop {
        match thief.read(scratch) {
            Ok(0) => return (stolen, false),
            Ok(count) => stolen += count as u64,
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::NotConnected => return (stolen, true),
                _ => return (stolen, false),
            },
        }
    }
}

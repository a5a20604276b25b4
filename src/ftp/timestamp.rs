//! Points in time as clients read them: always UTC, always printable.
//!
//! LIST and MDTM must use the same zone, or clients that compare them shift every date. The calendar comes from the
//! `time` crate; this file only formats its fields.

use crate::units::parse_digits;
use time::{Date, Duration, Month, OffsetDateTime, Time};

/// Seconds since 1970, within the years 1 to 9999, so that every value has a printed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const EARLIEST: i64 = -62_135_596_800;
const LATEST: i64 = 253_402_300_799;

/// Older files show their year instead of the time of day (`ls -l` as clients expect it: 180 days).
const RECENT: i64 = 180 * DAY;
const DAY: i64 = 24 * 60 * 60;

impl Timestamp {
    /// The nearest time that can be printed.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(EARLIEST, LATEST))
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// `YYYYMMDDhhmmss` (RFC 3659 §2.3).
    pub fn write_compact(self, out: &mut Vec<u8>) {
        let moment = self.calendar();
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let (century, year) = ((year / 100) as u8, (year % 100) as u8);
        for number in [century, year, month.into(), day, hour, minute, second] {
            out.extend_from_slice(&two_digits(number));
        }
    }

    /// `Jan  5 09:30`, or `Jan  5  2025` if that is more than 180 days before `now` or more than a day after it.
    pub fn write_ls(self, now: Timestamp, out: &mut Vec<u8>) {
        let moment = self.calendar();
        let (year, month, day) = moment.to_calendar_date();
        let [tens, ones] = two_digits(day);
        out.extend_from_slice(month_name(month).as_bytes());
        out.extend_from_slice(&[b' ', if tens == b'0' { b' ' } else { tens }, ones, b' ']);
        let age = now.0 - self.0;
        if (-DAY..=RECENT).contains(&age) {
            out.extend_from_slice(&two_digits(moment.hour()));
            out.push(b':');
            out.extend_from_slice(&two_digits(moment.minute()));
        } else {
            out.push(b' ');
            out.extend_from_slice(&two_digits((year / 100) as u8));
            out.extend_from_slice(&two_digits((year % 100) as u8));
        }
    }

    /// `Mon Nov 23 22:52:41 2026` (xferlog(5)).
    pub fn xferlog(self) -> String {
        let moment = self.calendar();
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let (weekday, month) = (moment.weekday().to_string(), month_name(month));
        format!("{weekday:.3} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year:04}")
    }

    /// `2026-11-23T22:52:41` (ISO 8601).
    pub fn iso(self) -> String {
        let moment = self.calendar();
        let (hour, minute, second) = moment.to_hms();
        format!("{}T{hour:02}:{minute:02}:{second:02}", moment.date())
    }

    /// Reads `YYYYMMDDhhmmss`; `None` if it is not fourteen digits or no such time exists.
    pub fn parse_compact(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 14)?;
        let number = |range| parse_digits(text.get(range)?);
        let small = |range| u8::try_from(number(range)?).ok();
        let month = Month::try_from(small(4..6)?).ok()?;
        let date = Date::from_calendar_date(i32::try_from(number(0..4)?).ok()?, month, small(6..8)?).ok()?;
        let time = Time::from_hms(small(8..10)?, small(10..12)?, small(12..14)?).ok()?;
        Some(Self::from_unix(OffsetDateTime::new_utc(date, time).unix_timestamp()))
    }

    fn calendar(self) -> OffsetDateTime {
        // Within the clamped years the addition cannot leave the calendar.
        OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::seconds(self.0))
    }
}

/// For numbers below 100.
fn two_digits(number: u8) -> [u8; 2] {
    [b'0' + number / 10, b'0' + number % 10]
}

fn month_name(month: Month) -> &'static str {
    const NAMES: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let start = 3 * usize::from(u8::from(month) - 1);
    NAMES.get(start..start + 3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compact(seconds: i64) -> String {
        let mut out = Vec::new();
        Timestamp::from_unix(seconds).write_compact(&mut out);
        String::from_utf8(out).expect("digits")
    }

    fn ls(seconds: i64, now: i64) -> String {
        let mut out = Vec::new();
        Timestamp::from_unix(seconds).write_ls(Timestamp::from_unix(now), &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn mdtm_times_are_fourteen_digits_in_utc() {
        assert_eq!(compact(0), "19700101000000");
        assert_eq!(compact(951_827_696), "20000229123456");
        assert_eq!(
            Timestamp::parse_compact(b"20000229123456").map(Timestamp::seconds),
            Some(951_827_696)
        );
        for bad in ["2000022912345", "20000230123456", "2000022912345x", "20000229246060"] {
            assert_eq!(Timestamp::parse_compact(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn list_dates_switch_to_the_year_after_half_a_year() {
        let now = 1_767_605_400; // 2026-01-05 09:30
        assert_eq!(ls(now, now), "Jan  5 09:30");
        assert_eq!(ls(now - 180 * DAY, now), "Jul  9 09:30");
        assert_eq!(ls(now - 180 * DAY - 1, now), "Jul  9  2025");
        assert_eq!(ls(now + DAY, now), "Jan  6 09:30");
        assert_eq!(ls(now + DAY + 1, now), "Jan  6  2026");
        assert_eq!(ls(1_709_210_096, now), "Feb 29  2024");
    }

    #[test]
    fn j07_times_beyond_the_calendar_are_clamped() {
        assert_eq!(compact(i64::MIN), "00010101000000");
        assert_eq!(compact(i64::MAX), "99991231235959");
        assert_eq!(compact(-1), "19691231235959");
        assert_eq!(compact(-2_208_988_800), "19000101000000");
        assert_eq!(compact(1 << 31), "20380119031408");
        assert_eq!(ls(i64::MAX, 0), "Dec 31  9999");
        assert_eq!(ls(i64::MIN, i64::MAX), "Jan  1  0001");
        let earliest = Timestamp::from_unix(i64::MIN);
        assert_eq!(earliest.iso(), "0001-01-01T00:00:00");
        assert_eq!(earliest.xferlog(), "Mon Jan  1 00:00:00 0001");
    }

    proptest! {
        #[test]
        fn printed_times_are_read_back(seconds in EARLIEST..=LATEST) {
            let text = compact(seconds);
            prop_assert_eq!(Timestamp::parse_compact(text.as_bytes()).map(Timestamp::seconds), Some(seconds));
        }
    }
}

//! Durations, counts and sizes with units, as options, file names and the users file give them: `30s`, `10k`, `64M`.

use std::time::Duration;

/// Longer times are probably mistakes, and some polls cannot wait longer.
const LONGEST: Duration = Duration::from_secs(24 * 24 * 60 * 60);

/// `500ms`, `30s`, `5m`, `2h`, `1d`; a bare number is seconds. From a millisecond to 24 days.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let milliseconds = |unit: &str| match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    in_units(text, milliseconds)
        .map(Duration::from_millis)
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or_else(|| "expected a time such as 30s, 5m or 2h, from 1ms to 24d".to_owned())
}

/// A positive number, also as `10k` or `2m` (thousands and millions).
pub fn parse_count(text: &str) -> Result<usize, String> {
    let scale = |unit: &str| match unit {
        "" => Some(1),
        "k" | "K" => Some(1_000),
        "m" | "M" => Some(1_000_000),
        _ => None,
    };
    in_units(text, scale)
        .and_then(|count| usize::try_from(count).ok())
        .filter(|count| *count > 0)
        .ok_or_else(|| "expected a number from 1 on, such as 500 or 10k".to_owned())
}

/// A size in bytes with an optional unit, powers of 1024: `512`, `64K`, `10M`, `1G`, `2T`. At most 2^63 - 1.
pub fn parse_size(text: &str) -> Option<u64> {
    let bytes = |unit: &str| match unit {
        "" => Some(1),
        "k" | "K" => Some(1 << 10),
        "m" | "M" => Some(1 << 20),
        "g" | "G" => Some(1 << 30),
        "t" | "T" => Some(1 << 40),
        _ => None,
    };
    in_units(text, bytes).filter(|size| i64::try_from(*size).is_ok())
}

/// The digits at the beginning of `text`, times the unit after them.
fn in_units(text: &str, unit: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, name) = text.split_at(digits);
    number.parse::<u64>().ok()?.checked_mul(unit(name)?)
}

/// A number without sign or space.
pub fn parse_digits(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_accept_units_of_1024() {
        for (text, size) in [
            ("0", 0),
            ("512", 512),
            ("64k", 64 << 10),
            ("10M", 10 << 20),
            ("2T", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Some(size), "{text}");
        }
        assert_eq!(parse_size("9223372036854775807"), Some(i64::MAX.unsigned_abs()));
        for bad in [
            "",
            "K",
            "-1",
            "+1",
            "1 K",
            "1KB",
            "1X",
            "1.5G",
            "9223372036854775808",
            "9999999T",
            "１K",
        ] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_accept_units() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("90", 90_000),
            ("5m", 300_000),
            ("500ms", 500),
            ("24d", 2_073_600_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn j09_invalid_times_are_refused() {
        for bad in [
            "",
            "0",
            "0s",
            "-1s",
            "5 m",
            "s",
            "1.5h",
            "25d",
            "99999999999999999999",
            "10x",
            "+3",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_accept_units() {
        assert_eq!(parse_count("10k"), Ok(10_000));
        assert_eq!(parse_count("2m"), Ok(2_000_000));
        for bad in [
            "",
            "0",
            "k",
            "-1",
            "1e3",
            "0x10",
            "99999999999999999999",
            "18446744073709551615k",
        ] {
            assert!(parse_count(bad).is_err(), "{bad}");
        }
    }
}

//! Durations, counts and sizes with units, as options, file names and the users file give them: `30s`, `10k`, `64M`.

use std::time::Duration;

/// Longer times are probably mistakes, and some polls cannot wait longer.
const LONGEST: Duration = Duration::from_secs(24 * 24 * 60 * 60);

/// `500ms`, `30s`, `5m`, `2h`, `1d`; a bare number is seconds. From a millisecond to 24 days.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 30s, 5m or 2h, from 1ms to 24d".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| expected())?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(expected()),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or_else(expected)
}

/// A positive number, also as `10k` or `2m` (thousands and millions).
pub fn parse_count(text: &str) -> Result<usize, String> {
    let expected = || "expected a number from 1 on, such as 500 or 10k".to_owned();
    let (number, scale) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1_000),
        None => match text.strip_suffix(['m', 'M']) {
            Some(number) => (number, 1_000_000),
            None => (text, 1),
        },
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    number
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(scale))
        .filter(|count| *count > 0)
        .ok_or_else(expected)
}

/// A size in bytes with an optional unit, powers of 1024: `512`, `64K`, `10M`, `1G`, `2T`. At most 2^63 - 1.
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => return None,
    };
    parse_digits(number)?
        .checked_mul(1 << shift)
        .filter(|size| i64::try_from(*size).is_ok())
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
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
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

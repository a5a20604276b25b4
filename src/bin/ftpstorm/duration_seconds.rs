//! Durations as seconds in the JSON report.

use serde::Serializer;
use std::time::Duration;

/// For `#[serde(serialize_with)]`.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

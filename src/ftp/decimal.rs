//! Numbers in decimal, without the machinery of `format!`.

/// Appends `number`, with `fill` before it up to `width` places, 20 at the most.
pub(super) fn push_decimal(out: &mut Vec<u8>, number: impl Into<u64>, width: usize, fill: u8) {
    let mut places = [fill; 20];
    let mut rest = number.into();
    let mut used = 0;
    for place in places.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    // Twenty digits hold every u64.
    let start = places.len().saturating_sub(used.max(width));
    out.extend_from_slice(places.split_at(start).1);
}

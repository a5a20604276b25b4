//! TYPE A: line ends as on the network (NVT-ASCII, RFC 959 §3.1.1.1), translated in segments of any size.
//!
//! A LF becomes CR LF unless there is a CR before it already. Nothing else is changed.

/// Translates to the network: remembers the one bit that the next byte depends on.
#[derive(Clone, Debug, Default)]
pub struct AsciiEncoder {
    last_was_cr: bool,
}

impl AsciiEncoder {
    /// Appends the translation of `input` to `out`: at most twice as many bytes.
    pub fn encode(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len() + input.len() / 16);
        for line in input.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) => {
                    let has_cr = text.last().map_or(self.last_was_cr, |last| *last == b'\r');
                    out.extend_from_slice(text);
                    out.extend_from_slice(if has_cr { b"\n" } else { b"\r\n" });
                    self.last_was_cr = false;
                }
                None => {
                    out.extend_from_slice(line);
                    self.last_was_cr = line.ends_with(b"\r");
                }
            }
        }
    }

    /// How many octets `encode` would append; advances in the same way.
    pub fn count(&mut self, input: &[u8]) -> u64 {
        let mut octets = input.len() as u64;
        for byte in input {
            if *byte == b'\n' && !self.last_was_cr {
                octets += 1;
            }
            self.last_was_cr = *byte == b'\r';
        }
        octets
    }
}

/// Translates from the network: CR LF becomes LF; a CR alone stays.
#[derive(Clone, Debug, Default)]
pub struct AsciiDecoder {
    /// A CR was received whose next byte is not known yet.
    held_cr: bool,
}

impl AsciiDecoder {
    /// Appends the translation of `input` to `out`: at most one byte more.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) {
        for part in input.split_inclusive(|byte| *byte == b'\r') {
            if self.held_cr && part.first() != Some(&b'\n') {
                out.push(b'\r');
            }
            self.held_cr = part.ends_with(b"\r");
            out.extend_from_slice(part.strip_suffix(b"\r").unwrap_or(part));
        }
    }

    /// At the end of the file: appends a CR that was held because a LF might have followed.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_cr) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        AsciiEncoder::default().encode(input, &mut out);
        out
    }

    #[test]
    fn lf_becomes_crlf_and_crlf_stays() {
        assert_eq!(encoded(b"a\nb\r\nc\r\r\n\n"), b"a\r\nb\r\nc\r\r\n\r\n");
        assert_eq!(encoded(b""), b"");
        assert_eq!(encoded(b"\n"), b"\r\n");
        assert_eq!(encoded(b"a\rb"), b"a\rb");
    }

    fn decoded(segments: &[&[u8]]) -> Vec<u8> {
        let mut decoder = AsciiDecoder::default();
        let mut out = Vec::new();
        for segment in segments {
            decoder.decode(segment, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn received_line_ends_become_lf_and_single_crs_stay() {
        assert_eq!(decoded(&[b"a\r\nb\nc\rd\r\r\n"]), b"a\nb\nc\rd\r\n");
        assert_eq!(decoded(&[b"a\r"]), b"a\r");
        assert_eq!(decoded(&[b"a\r", b"\nb\r", b"\r", b"c"]), b"a\nb\r\rc");
        assert_eq!(decoded(&[]), b"");
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200)
    }

    proptest! {
        #[test]
        fn j10_any_segmentation_gives_the_same_octets(
            input in text(),
            cuts in proptest::collection::vec(0..200_usize, 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
            cuts.sort_unstable();
            let (mut encoder, mut counter) = (AsciiEncoder::default(), AsciiEncoder::default());
            let (mut out, mut count, mut from) = (Vec::new(), 0, 0);
            for to in cuts.into_iter().chain([input.len()]) {
                encoder.encode(&input[from..to], &mut out);
                count += counter.count(&input[from..to]);
                from = to;
            }
            prop_assert_eq!(&out, &encoded(&input));
            prop_assert_eq!(count, out.len() as u64);
        }

        #[test]
        fn j10_any_segmentation_is_received_as_the_same_text(input in text(), cut in 0..200_usize) {
            let cut = cut.min(input.len());
            let whole = decoded(&[&input[..]]);
            prop_assert_eq!(decoded(&[&input[..cut], &input[cut..]]), whole.clone());
            // Reference: every CR LF pair, once.
            prop_assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&input).replace("\r\n", "\n"));
        }
    }
}

//! `--mix`: what the clients of `mixed` do how often.

/// How often the parts of `mixed` are chosen, relative to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let mut mix = Mix {
            cycle: 0,
            download: 0,
            upload: 0,
            noop: 0,
        };
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
        if mix.cycle + mix.download + mix.upload + mix.noop == 0 {
            return Err(expected());
        }
        Ok(mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_takes_its_weights_by_name_and_needs_one_above_zero() {
        let mix = Mix::parse("noop=2,upload=9999999").expect("a mix");
        let expected = Mix {
            cycle: 0,
            download: 0,
            upload: 1_000_000,
            noop: 2,
        };
        assert_eq!(mix, expected);
        for bad in ["", "cycle", "cycle=", "cycle=-1", "list=1", "cycle=0", "cycle=1,"] {
            assert!(Mix::parse(bad).is_err(), "{bad}");
        }
    }
}

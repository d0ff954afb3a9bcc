// SPDX-License-Identifier: MIT
//! Finds runs of the bytes that the kernel fills unused memory with. A reply with such a
//! run contains uninitialized or freed memory.

/// Minimum length of a run, too long for a coincidence.
const RUN: usize = 8;

/// The bytes of `mm/slub.c` for allocated, freed, end of object and red zones, and
/// `PAGE_POISON`.
const POISON: [u8; 6] = [0x5a, 0x6b, 0xa5, 0xbb, 0xcc, 0xaa];

const fn table() -> [bool; 256] {
    let mut table = [false; 256];
    let mut i = 0;
    while i < POISON.len() {
        table[POISON[i] as usize] = true;
        i += 1;
    }
    table
}

static IS_POISON: [bool; 256] = table();

/// Whether the kernel fills unused memory with this byte.
pub(crate) fn is_poison(byte: u8) -> bool {
    IS_POISON[usize::from(byte)]
}

/// A run of one poison byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) byte: u8,
    pub(crate) at: usize,
    pub(crate) len: usize,
}

/// Returns the first run.
pub(crate) fn find(bytes: &[u8]) -> Option<Run> {
    // Each run covers one of the probed offsets.
    let mut probe = RUN - 1;
    while let Some(&byte) = bytes.get(probe) {
        if is_poison(byte) {
            let same = |other: &&u8| **other == byte;
            let before = bytes[..probe].iter().rev().take_while(same).count();
            let len = before + bytes[probe..].iter().take_while(same).count();
            if len >= RUN {
                return Some(Run {
                    byte,
                    at: probe - before,
                    len,
                });
            }
        }
        probe += RUN;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(1),
            ..ProptestConfig::default()
        })]

        #[test]
        fn run_is_found_at_any_offset(
            before in proptest::collection::vec(0u8..0x50, 0..100),
            after in proptest::collection::vec(0u8..0x50, 0..100),
            byte in proptest::sample::select(&POISON[..]),
            len in 0usize..40,
        ) {
            let bytes = [before.clone(), vec![byte; len], after].concat();
            let found = find(&bytes);
            let run = Run { byte, at: before.len(), len };
            prop_assert_eq!(found, (len >= RUN).then_some(run));
        }
    }

    #[test]
    fn runs_of_other_bytes_are_ignored() {
        assert_eq!(find(&[0; 100]), None);
        assert_eq!(find(&[0xff; 100]), None);
        assert_eq!(find(&[0x5a, 0x6b].repeat(50)), None);
    }
}

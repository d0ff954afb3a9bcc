// SPDX-License-Identifier: MIT
//! Random choices. The same seed and stream give the same choices.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::check::poison;

pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.0.random_ratio(1, n)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Calls `make` with probability 1/n.
    pub(super) fn maybe<T>(&mut self, n: u32, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(n).then(|| make(self))
    }

    pub(super) fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    pub(super) fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a number below 2^16; small numbers are more likely.
    pub(super) fn small(&mut self) -> u32 {
        let bits = self.below(17);
        self.u32() & ((1 << bits) - 1)
    }

    /// Returns a byte that is not a poison byte of the kernel.
    pub(super) fn byte(&mut self) -> u8 {
        loop {
            let byte = self.u32() as u8;
            if !poison::is_poison(byte) {
                return byte;
            }
        }
    }

    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    /// Returns between 1 and `max` bytes.
    pub(super) fn up_to(&mut self, max: usize) -> Vec<u8> {
        let len = 1 + self.below(max);
        self.bytes(len)
    }
}

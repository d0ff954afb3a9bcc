// SPDX-License-Identifier: MIT
//! Sets of numbers of CPUs, or of memory nodes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Bytes of a word of the bitmap.
const WORD: usize = size_of::<u64>();
/// Bits of a word of the bitmap.
const BITS: u32 = u64::BITS;
/// Numbers that a list may contain: more than any kernel has CPUs.
const MAX: u32 = 1 << 20;

/// A set of numbers of CPUs, or of memory nodes.
///
/// Its text form is that of `/proc/PID/status`:
///
/// ```
/// use taskdiag::NumberSet;
///
/// let cpus: NumberSet = "0-2,5".parse()?;
/// assert_eq!(cpus.iter().collect::<Vec<_>>(), [0, 1, 2, 5]);
/// assert_eq!(cpus.to_string(), "0-2,5");
/// # Ok::<(), taskdiag::ParseNumberSetError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct NumberSet<'a> {
    /// Bit N is bit N % 64 of word N / 64, each in the byte order of the machine.
    bitmap: Cow<'a, [u8]>,
}

impl<'a> NumberSet<'a> {
    /// Views a bitmap of the kernel. Bytes behind the last whole word are ignored.
    pub(super) const fn new(bitmap: &'a [u8]) -> Self {
        Self {
            bitmap: Cow::Borrowed(bitmap),
        }
    }

    /// Returns a view that borrows the bitmap.
    pub(super) fn borrowed(&self) -> NumberSet<'_> {
        NumberSet::new(&self.bitmap)
    }

    /// Returns a copy that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> NumberSet<'static> {
        NumberSet {
            bitmap: Cow::Owned(self.bitmap.into_owned()),
        }
    }

    /// Returns the bitmap: bit N is bit N % 64 of the 64-bit word N / 64, each in the
    /// byte order of the machine.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bitmap
    }

    /// Returns whether the set contains this number.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        let word = self.words().nth((number / BITS) as usize);
        word.is_some_and(|word| word & 1 << (number % BITS) != 0)
    }

    /// Iterates over the numbers in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(self.words()).flat_map(|(index, word)| {
            (0..BITS)
                .filter(move |bit| word & 1 << bit != 0)
                .map(move |bit| index * BITS + bit)
        })
    }

    fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let words = self.bitmap.chunks_exact(WORD);
        words.map(|word| word.try_into().map_or(0, u64::from_ne_bytes))
    }
}

/// Sets are equal if they contain the same numbers, whatever the length of the bitmap.
impl PartialEq<NumberSet<'_>> for NumberSet<'_> {
    fn eq(&self, other: &NumberSet<'_>) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for NumberSet<'_> {}

impl FromIterator<u32> for NumberSet<'static> {
    /// Makes a set of these numbers; those that no CPU can have are ignored.
    fn from_iter<T: IntoIterator<Item = u32>>(numbers: T) -> Self {
        let mut words: Vec<u64> = Vec::new();
        for number in numbers.into_iter().filter(|&number| number < MAX) {
            let index = (number / BITS) as usize;
            if index >= words.len() {
                words.resize(index + 1, 0);
            }
            if let Some(word) = words.get_mut(index) {
                *word |= 1 << (number % BITS);
            }
        }
        Self {
            bitmap: words.into_iter().flat_map(u64::to_ne_bytes).collect(),
        }
    }
}

/// Error of parsing a [`NumberSet`]: a part of the list is not a number or a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid list of numbers: {part:?} is not a number or a range")]
pub struct ParseNumberSetError {
    part: String,
}

impl FromStr for NumberSet<'static> {
    type Err = ParseNumberSetError;

    /// Parses numbers and ranges, separated by commas; the empty string is the empty
    /// set.
    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut numbers = Vec::new();
        for part in list.split(',').filter(|_| !list.is_empty()) {
            let range = range(part).ok_or_else(|| ParseNumberSetError {
                part: part.to_owned(),
            })?;
            numbers.extend(range);
        }
        Ok(numbers.into_iter().collect())
    }
}

fn range(part: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < MAX).then_some(first..=last)
}

impl fmt::Display for NumberSet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.iter().peekable();
        let mut comma = "";
        while let Some(first) = numbers.next() {
            let mut last = first;
            while let Some(next) = numbers.next_if_eq(&(last + 1)) {
                last = next;
            }
            match last {
                last if last == first => write!(f, "{comma}{first}")?,
                last => write!(f, "{comma}{first}-{last}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for NumberSet<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for NumberSet<'_> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_status_are_parsed_and_displayed() {
        for (list, numbers) in [
            ("", vec![]),
            ("0", vec![0]),
            ("0-3", vec![0, 1, 2, 3]),
            ("1,3-4,63-65,8191", vec![1, 3, 4, 63, 64, 65, 8191]),
        ] {
            let set: NumberSet<'_> = list.parse().unwrap();
            assert_eq!(set.iter().collect::<Vec<_>>(), numbers);
            assert_eq!(set.to_string(), list);
            assert!(numbers.iter().all(|&number| set.contains(number)));
            assert!(!set.contains(2) || list == "0-3");
            assert!(!set.contains(u32::MAX));
        }
        for list in [
            ",",
            "1,",
            "a",
            "3-1",
            "1-",
            "-1",
            "4294967296",
            "0-4294967295",
        ] {
            assert!(list.parse::<NumberSet<'_>>().is_err(), "{list}");
        }
    }

    #[test]
    fn sets_are_equal_whatever_the_length_of_the_bitmap() {
        let bitmap = [1u64.to_ne_bytes(), [0; 8], [0; 8]].concat();
        let long = NumberSet::new(&bitmap);
        assert_eq!(long, "0".parse::<NumberSet<'_>>().unwrap());
        assert_eq!(long, NumberSet::new(&bitmap[..13]));
        assert_ne!(long, NumberSet::default());
        assert_eq!(long.borrowed().into_owned(), long);
    }
}

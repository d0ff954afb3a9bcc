// SPDX-License-Identifier: MIT
//! Text form of bit sets: a list of names, separated by commas.

use std::fmt;

use bitflags::Flags;

/// Parses names in any case; the empty string is the empty set. The error is the
/// first unknown word.
pub(crate) fn read<F: Flags>(list: &str) -> Result<F, &str> {
    parse(list, |_| None)
}

/// Parses the text that [`write()`] writes, which may contain bits without a name.
#[cfg(feature = "serde")]
pub(crate) fn read_all_bits<F: Flags<Bits = u64>>(list: &str) -> Result<F, &str> {
    parse(list, |word| {
        let bits = u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()?;
        Some(F::from_bits_retain(bits))
    })
}

fn parse<F: Flags>(list: &str, other: impl Fn(&str) -> Option<F>) -> Result<F, &str> {
    let mut set = F::empty();
    if list.trim().is_empty() {
        return Ok(set);
    }
    for word in list.split(',').map(str::trim) {
        let named = F::from_name(&word.to_ascii_uppercase());
        set.insert(named.or_else(|| other(word)).ok_or(word)?);
    }
    Ok(set)
}

/// Writes names; the bits without a name follow as one hexadecimal number.
pub(crate) fn write<F>(set: &F, f: &mut fmt::Formatter<'_>) -> fmt::Result
where
    F: Flags,
    F::Bits: fmt::LowerHex,
{
    let mut separator = "";
    let mut names = set.iter_names();
    for (name, _) in names.by_ref() {
        write!(f, "{separator}{}", name.to_ascii_lowercase())?;
        separator = ",";
    }
    let unnamed = names.remaining();
    if !unnamed.is_empty() {
        write!(f, "{separator}{:#x}", unnamed.bits())?;
    }
    Ok(())
}

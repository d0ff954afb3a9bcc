// SPDX-License-Identifier: MIT
//! Sets as lists of names between commas.

use std::fmt;

use bitflags::Flags;

/// Reads names in any case; the empty text is the empty set. A word that is no
/// name is the error.
pub(crate) fn read<F: Flags>(list: &str) -> Result<F, &str> {
    let mut set = F::empty();
    if list.trim().is_empty() {
        return Ok(set);
    }
    for word in list.split(',').map(str::trim) {
        set.insert(F::from_name(&word.to_ascii_uppercase()).ok_or(word)?);
    }
    Ok(set)
}

/// Writes names; bits that have none as one hexadecimal number.
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

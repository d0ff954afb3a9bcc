// SPDX-License-Identifier: MIT
//! Suggests a known name for a mistyped one.

/// Returns `: did you mean "NAME"?` for the most similar name, or an empty text if no
/// name is similar.
pub(crate) fn hint<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    let tolerance = word.len().div_ceil(3).min(2);
    let nearest = names
        .map(|name| (distance(word.as_bytes(), name.as_bytes()), name))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, name)) if distance <= tolerance => format!(": did you mean {name:?}?"),
        _ => String::new(),
    }
}

/// Returns the number of changes between two names: insertions, deletions,
/// replacements, and exchanges of neighbours.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        rows[i][0] = i;
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_name_is_suggested() {
        let names = || ["pid", "ppid", "%cpu", "securebits"].into_iter();
        for (word, expected) in [
            ("pdi", ": did you mean \"pid\"?"),
            ("cpu%", ": did you mean \"%cpu\"?"),
            ("securebit", ": did you mean \"securebits\"?"),
            ("nonsense", ""),
            ("x", ""),
        ] {
            assert_eq!(hint(word, names()), expected, "{word}");
        }
    }
}

// SPDX-License-Identifier: MIT
//! Saves replies of the kernel as files: the seeds of the fuzzers of the decoder and of
//! the reassembly.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Maximum length of a seed. Longer replies have no further structure.
const MAX_LEN: usize = 2048;

/// Saves one reply of each kind.
#[derive(Debug)]
pub(crate) struct SeedWriter {
    /// Directory of replies: each datagram is preceded by its length in two bytes.
    replies: PathBuf,
    /// Directory of single datagrams.
    datagrams: PathBuf,
    seen: HashSet<String>,
}

impl SeedWriter {
    /// Creates a subdirectory per fuzzer, with the name of the fuzzer.
    pub(crate) fn new(directory: &Path) -> io::Result<Self> {
        let seed_writer = Self {
            replies: directory.join("reassembly"),
            datagrams: directory.join("decode"),
            seen: HashSet::new(),
        };
        fs::create_dir_all(&seed_writer.replies)?;
        fs::create_dir_all(&seed_writer.datagrams)?;
        Ok(seed_writer)
    }

    /// Saves a reply, unless one of the same kind has been saved.
    pub(crate) fn save(&mut self, shape: &str, reply: &[Vec<u8>]) -> io::Result<()> {
        let several = if reply.len() > 1 { "-several" } else { "" };
        let shape = format!("{shape}{several}");
        let Some(bytes) = frame(reply).filter(|_| !self.seen.contains(&shape)) else {
            return Ok(());
        };
        fs::write(self.replies.join(&shape), bytes)?;
        if let [datagram] = reply {
            fs::write(self.datagrams.join(&shape), datagram)?;
        }
        self.seen.insert(shape);
        Ok(())
    }
}

/// Returns a reply as one seed, unless it is too long.
fn frame(reply: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for datagram in reply {
        bytes.extend(u16::try_from(datagram.len()).ok()?.to_le_bytes());
        bytes.extend(datagram);
    }
    (!bytes.is_empty() && bytes.len() <= MAX_LEN).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_is_framed_with_lengths() {
        assert_eq!(
            frame(&[vec![1, 2], vec![3]]),
            Some(vec![2, 0, 1, 2, 1, 0, 3])
        );
        assert_eq!(frame(&[]), None);
        assert_eq!(frame(&[vec![0; MAX_LEN]]), None);
    }
}

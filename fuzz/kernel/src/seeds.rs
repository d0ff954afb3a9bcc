// SPDX-License-Identifier: MIT
//! Keeps replies of the kernel as files: what fuzzers of the decoder and the
//! reassembly begin with.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longer replies say no more.
const MAX_LEN: usize = 2048;

/// Keeps one reply of each shape.
#[derive(Debug)]
pub(crate) struct SeedWriter {
    /// For replies: each datagram behind its length in two bytes.
    replies: PathBuf,
    /// For single datagrams.
    datagrams: PathBuf,
    seen: HashSet<String>,
}

impl SeedWriter {
    /// Keeps them in directorys below this one, named as the fuzzers are.
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

/// An reply in one piece, if it is not too long.
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
    fn an_reply_is_framed() {
        assert_eq!(
            frame(&[vec![1, 2], vec![3]]),
            Some(vec![2, 0, 1, 2, 1, 0, 3])
        );
        assert_eq!(frame(&[]), None);
        assert_eq!(frame(&[vec![0; MAX_LEN]]), None);
    }
}

// SPDX-License-Identifier: MIT
//! Keeps answers of the kernel as files: what fuzzers of the decoder and the
//! reassembly begin with.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longer answers say no more.
const MAX_LEN: usize = 2048;

/// Keeps one answer of each shape.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// For answers: each datagram behind its length in two bytes.
    answers: PathBuf,
    /// For single datagrams.
    datagrams: PathBuf,
    seen: HashSet<String>,
}

impl Keeper {
    /// Keeps them in folders below this one, named as the fuzzers are.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let keeper = Self {
            answers: folder.join("reassembly"),
            datagrams: folder.join("decode"),
            seen: HashSet::new(),
        };
        fs::create_dir_all(&keeper.answers)?;
        fs::create_dir_all(&keeper.datagrams)?;
        Ok(keeper)
    }

    pub(crate) fn keep(&mut self, shape: &str, answer: &[Vec<u8>]) -> io::Result<()> {
        let several = if answer.len() > 1 { "-several" } else { "" };
        let shape = format!("{shape}{several}");
        let Some(bytes) = frame(answer).filter(|_| !self.seen.contains(&shape)) else {
            return Ok(());
        };
        fs::write(self.answers.join(&shape), bytes)?;
        if let [datagram] = answer {
            fs::write(self.datagrams.join(&shape), datagram)?;
        }
        self.seen.insert(shape);
        Ok(())
    }
}

/// An answer in one piece, if it is not too long.
fn frame(answer: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for datagram in answer {
        bytes.extend(u16::try_from(datagram.len()).ok()?.to_le_bytes());
        bytes.extend(datagram);
    }
    (!bytes.is_empty() && bytes.len() <= MAX_LEN).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_framed() {
        assert_eq!(
            frame(&[vec![1, 2], vec![3]]),
            Some(vec![2, 0, 1, 2, 1, 0, 3])
        );
        assert_eq!(frame(&[]), None);
        assert_eq!(frame(&[vec![0; MAX_LEN]]), None);
    }
}

// SPDX-License-Identifier: MIT
//! The receive buffer of a socket or file, which shows writes after the received data.

use crate::generate::MAX_BUFFER;

/// Contents of the receive buffer outside of received data.
const BLANK: u8 = 0xc3;
/// Number of blank bytes that are checked after each datagram.
const MARGIN: usize = 64;
/// Maximum length of a datagram. The rest of the buffer is never accessed, so that it
/// costs nothing when a process is forked.
const MAX_DATAGRAM: usize = 192 * 1024;

/// A receive buffer, blank outside of received data.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    used: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        let mut bytes = vec![0; MAX_BUFFER + MARGIN];
        bytes[..MAX_DATAGRAM + MARGIN].fill(BLANK);
        Self { bytes, used: 0 }
    }
}

impl Buffer {
    /// Returns the data received last.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }

    /// Whether nothing was written after the received data.
    pub(crate) fn is_blank_after(&self) -> bool {
        self.used <= MAX_DATAGRAM
            && self.bytes[self.used..self.used + MARGIN]
                .iter()
                .all(|byte| *byte == BLANK)
    }

    /// Calls a function that reads into the first `size` bytes, and returns the number
    /// of bytes with a result. Returns the result.
    pub(crate) fn fill<T>(
        &mut self,
        size: usize,
        read: impl FnOnce(&mut [u8]) -> nix::Result<(usize, T)>,
    ) -> nix::Result<T> {
        self.wipe();
        let (used, result) = read(&mut self.bytes[..size])?;
        self.used = used;
        Ok(result)
    }

    fn wipe(&mut self) {
        self.bytes[..self.used].fill(BLANK);
        self.used = 0;
    }
}

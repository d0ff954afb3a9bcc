// SPDX-License-Identifier: MIT
//! The group IO: input and output of a task.

use super::mirror;
use crate::abi::TaskDiagIo;

mirror! {
    /// Input and output, as in `/proc/PID/io`.
    ///
    /// In a row of a process, the values include threads that have ended.
    pub struct Io: TaskDiagIo {
        /// Bytes that `read(2)` and similar system calls returned.
        rchar: u64,
        /// Bytes that `write(2)` and similar system calls took.
        wchar: u64,
        /// Number of `read(2)` and similar system calls.
        syscr: u64,
        /// Number of `write(2)` and similar system calls.
        syscw: u64,
        /// Bytes fetched from storage.
        read_bytes: u64,
        /// Bytes to be written to storage.
        write_bytes: u64,
        /// Bytes of [`Self::write_bytes`] that were not written, as the file was
        /// truncated or removed before.
        cancelled_write_bytes: u64,
    }
}

impl From<Io> for TaskDiagIo {
    fn from(io: Io) -> Self {
        Self {
            rchar: io.rchar,
            wchar: io.wchar,
            syscr: io.syscr,
            syscw: io.syscw,
            read_bytes: io.read_bytes,
            write_bytes: io.write_bytes,
            cancelled_write_bytes: io.cancelled_write_bytes,
        }
    }
}

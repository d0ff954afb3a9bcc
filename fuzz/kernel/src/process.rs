// SPDX-License-Identifier: MIT
//! Forked processes, and changes of the own process.

use std::num::NonZeroUsize;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, setgroups, setresgid, setresuid};

/// A forked process. It is killed when its parent exits.
#[derive(Debug)]
pub(crate) struct Child(Pid);

impl Child {
    /// Forks a process that calls `work` and exits with the returned status.
    pub(crate) fn fork(work: impl FnOnce() -> u8) -> nix::Result<Self> {
        // SAFETY: the calling thread is the only one of its process, so no other
        // thread can hold a lock in the child.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self(child)),
            ForkResult::Child => {
                let work = std::panic::AssertUnwindSafe(|| {
                    prctl::set_pdeathsig(Signal::SIGKILL)
                        .expect("a signal for the parent's death can be set");
                    work()
                });
                // The child must not unwind into the caller or flush its buffers.
                let code = std::panic::catch_unwind(work).unwrap_or(101);
                // SAFETY: _exit() ends the process and does not return.
                unsafe { libc::_exit(code.into()) }
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.as_raw() as u32
    }

    /// Waits for the process. Returns its exit status, or 128 plus the signal that killed
    /// it.
    pub(crate) fn wait(self) -> nix::Result<i32> {
        loop {
            match waitpid(self.0, None) {
                Err(Errno::EINTR) => {}
                status => return status.map(|status| code(status).unwrap_or(-1)),
            }
        }
    }

    /// Returns the result of [`Self::wait`] if the process has already exited.
    pub(crate) fn try_wait(&self) -> nix::Result<Option<i32>> {
        waitpid(self.0, Some(WaitPidFlag::WNOHANG)).map(code)
    }

    pub(crate) fn kill(self) {
        // The process may have exited already.
        let _ = kill(self.0, Signal::SIGKILL);
        let _ = self.wait();
    }
}

fn code(status: WaitStatus) -> Option<i32> {
    match status {
        WaitStatus::Exited(_, code) => Some(code),
        WaitStatus::Signaled(_, signal, _) => Some(128 + signal as i32),
        _ => None,
    }
}

/// Forks with `CLONE_VFORK`, so that this process sleeps uninterruptibly until its
/// child has ended. Returns in the child.
pub(crate) fn continue_in_vfork_child() -> nix::Result<()> {
    let flags = libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: without CLONE_VM this is a fork, and the calling thread is the only
    // one of its process.
    let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match Errno::result(child)? {
        0 => prctl::set_pdeathsig(Signal::SIGKILL),
        // SAFETY: _exit() ends the process.
        _ => unsafe { libc::_exit(0) },
    }
}

/// Creates this number of memory mappings, none of which merges with the next.
pub(crate) fn create_mappings(count: usize) -> nix::Result<()> {
    const SIZE: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
    for index in 0..count {
        let protection = if index % 2 == 0 {
            ProtFlags::PROT_READ
        } else {
            ProtFlags::PROT_NONE
        };
        // SAFETY: the kernel chooses the address, so no existing mapping is replaced.
        unsafe { mmap_anonymous(None, SIZE, protection, MapFlags::MAP_PRIVATE) }?;
    }
    Ok(())
}

/// A user with one group, by default of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    pub(crate) const fn new(id: u32) -> Self {
        Self { uid: id, gid: id }
    }

    /// Switches this process to the user irrevocably.
    pub(crate) fn switch(self) -> nix::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        // Changing the ids has cleared both.
        prctl::set_dumpable(true)?;
        prctl::set_pdeathsig(Signal::SIGKILL)
    }
}

/// Sleeps until the process is killed.
pub(crate) fn sleep_forever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Ends only this thread. If it is the leader, the other threads of the process
/// continue.
pub(crate) fn exit_thread() -> ! {
    loop {
        // SAFETY: the system call exit() ends the thread and does not access memory.
        // No other thread uses its stack.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

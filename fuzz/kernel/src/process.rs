// SPDX-License-Identifier: MIT
//! Processes forked for a purpose, and what they can be.

use std::num::NonZeroUsize;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, setgroups, setresgid, setresuid};

/// A forked process. It does not outlive who forked it.
#[derive(Debug)]
pub(crate) struct Child(Pid);

impl Child {
    /// Forks a process that does this, and exits with what it returns.
    pub(crate) fn fork(work: impl FnOnce() -> u8) -> nix::Result<Self> {
        // SAFETY: all forks are from a thread that is the only one of its
        // process, so no lock can be left held in the child.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self(child)),
            ForkResult::Child => {
                let work = std::panic::AssertUnwindSafe(|| {
                    prctl::set_pdeathsig(Signal::SIGKILL)
                        .expect("a signal for the parent's death can be set");
                    work()
                });
                // Nothing of the parent's is to be unwound or flushed here.
                let code = std::panic::catch_unwind(work).unwrap_or(101);
                // SAFETY: _exit() ends the process and returns to nobody.
                unsafe { libc::_exit(code.into()) }
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.as_raw() as u32
    }

    /// Waits for its end: what it exited with, or 128 and the signal.
    pub(crate) fn wait(self) -> nix::Result<i32> {
        loop {
            match waitpid(self.0, None) {
                Err(Errno::EINTR) => {}
                status => return status.map(|status| code(status).unwrap_or(-1)),
            }
        }
    }

    /// As [`Self::wait`], if it has ended already.
    pub(crate) fn try_wait(&self) -> nix::Result<Option<i32>> {
        waitpid(self.0, Some(WaitPidFlag::WNOHANG)).map(code)
    }

    pub(crate) fn kill(self) {
        // It may have gone by itself.
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
        // SAFETY: a new mapping replaces none, and nothing refers to it.
        unsafe { mmap_anonymous(None, SIZE, protection, MapFlags::MAP_PRIVATE) }?;
    }
    Ok(())
}

/// A user, with a group of the same number and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    pub(crate) const fn new(id: u32) -> Self {
        Self { uid: id, gid: id }
    }

    /// Makes this process this user's, for good.
    pub(crate) fn switch(self) -> nix::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        // With the ids, both are lost.
        prctl::set_dumpable(true)?;
        prctl::set_pdeathsig(Signal::SIGKILL)
    }
}

/// Sleeps for ever.
pub(crate) fn sleep_forever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Ends this thread alone. A process whose first thread does so lives on in
/// the others.
pub(crate) fn exit_thread() -> ! {
    loop {
        // SAFETY: exit() of the kernel's ends the thread and touches no memory;
        // nothing on its stack is used by another.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

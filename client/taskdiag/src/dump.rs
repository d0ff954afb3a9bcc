// SPDX-License-Identifier: MIT
//! The synchronous client: a request goes out, tasks come back one by one.
use crate::{Pid, Request, Result, Show, Socket, Task, TaskRef, Transport};

/// A connection to the kernel's TASKDIAG family.
#[derive(Debug)]
pub struct Client<T = Socket> {
    transport: T,
}

/// What a dump has cost and found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// Receive calls.
    pub receives: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Tasks handed out.
    pub tasks: u64,
    /// Whether tasks came or went in the meantime (`NLM_F_DUMP_INTR`).
    pub interrupted: bool,
}

impl Client {
    /// Connects.
    pub fn connect() -> Result<Self> {
        todo!()
    }
}

impl<T: Transport> Client<T> {
    /// Asks for a dump.
    pub fn dump(&mut self, request: &Request) -> Result<Dump<'_, T>> {
        let _ = (request, &self.transport);
        todo!()
    }

    /// Asks for one task, with a request that is no dump.
    pub fn one(&mut self, pid: Pid, show: Show) -> Result<Task> {
        let _ = (pid, show);
        todo!()
    }

    /// Sends this request as one that is no dump.
    pub fn get(&mut self, request: &Request) -> Result<Task> {
        let _ = request;
        todo!()
    }
}

/// A dump under way.
#[derive(Debug)]
pub struct Dump<'a, T = Socket> {
    client: &'a mut Client<T>,
    stats: Stats,
}

impl<T: Transport> Dump<'_, T> {
    /// The next task; `None` at the end.
    #[expect(
        clippy::should_implement_trait,
        reason = "lends from the buffer, which no Iterator can"
    )]
    pub fn next(&mut self) -> Result<Option<TaskRef<'_>>> {
        let _ = &self.client;
        todo!()
    }

    /// Hands every task to `f`.
    pub fn for_each(mut self, mut f: impl FnMut(TaskRef<'_>)) -> Result<Stats> {
        while let Some(task) = self.next()? {
            f(task);
        }
        Ok(self.stats())
    }

    /// The tasks, owned.
    pub fn tasks(&mut self) -> impl Iterator<Item = Result<Task>> {
        std::iter::from_fn(|| match self.next() {
            Ok(task) => task.map(|task| Ok(task.to_owned())),
            Err(error) => Some(Err(error)),
        })
    }

    /// What it has cost and found so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }
}

// SPDX-License-Identifier: MIT
//! Interface between a source of tasks and the live table.

use crate::client::Client;
use crate::error::Result;
use crate::request::{Request, Strategy};
use crate::source::Source;
use crate::task::Task;

/// A source of tasks: a [`Client`] with any transport, or a simulation in a
/// test.
pub trait TaskSource {
    /// Calls `each` once for every task that the request names.
    ///
    /// A task that exists during the whole call must be reported. A task that
    /// starts or ends meanwhile may be. Pids of
    /// [`Filters::pids`](crate::Filters::pids) that no task has are ignored.
    ///
    /// # Errors
    ///
    /// The errors of the source. `each` may have been called before.
    fn list(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()>;
}

impl<S: Source> TaskSource for Client<S> {
    fn list(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()> {
        if let Some(one) = for_one(request) {
            match self.get(&one) {
                // The pid may belong to a thread by now.
                Ok(task) if task.pid == task.tgid => each(task),
                Ok(_) => {}
                Err(error) if error.errno() == Some(nix::libc::ESRCH) => {}
                Err(error) => return Err(error),
            }
            return Ok(());
        }
        let mut dump = self.dump(request)?;
        while let Some(task) = dump.next()? {
            each(task.to_owned());
        }
        Ok(())
    }
}

/// Returns the request as a query of one task without a dump, which costs the
/// fewest system calls.
fn for_one<'fd>(request: &Request<'fd>) -> Option<Request<'fd>> {
    let [pid] = request.filters.pids.as_deref()? else {
        return None;
    };
    let mut one = request.clone();
    one.strategy = match request.strategy {
        Strategy::All => Strategy::One(*pid),
        _ => return None,
    };
    one.filters.pids = None;
    Some(one)
}

impl<S: TaskSource + ?Sized> TaskSource for &mut S {
    fn list(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()> {
        (**self).list(request, each)
    }
}

impl<S: TaskSource + ?Sized> TaskSource for Box<S> {
    fn list(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()> {
        (**self).list(request, each)
    }
}

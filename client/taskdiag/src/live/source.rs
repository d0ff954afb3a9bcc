// SPDX-License-Identifier: MIT
//! The contract between what tells of tasks and what follows them.

use crate::client::Client;
use crate::error::Result;
use crate::request::{Request, Strategy};
use crate::source::Source;
use crate::task::Task;

/// What tells of tasks when it is asked: a [`Client`] by whatever transport,
/// or what stands for one in a test.
pub trait TaskSource {
    /// Tells of each task that the request names, once.
    ///
    /// One that is there all the while must be among them; of those that come
    /// or go meanwhile some may. Numbers in
    /// [`Filters::pids`](crate::Filters::pids) that nobody has are left out
    /// without a word.
    ///
    /// # Errors
    ///
    /// The source's own. Tasks may have been told of before.
    fn tell(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()>;
}

impl<S: Source> TaskSource for Client<S> {
    fn tell(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()> {
        if let Some(one) = for_one(request) {
            match self.get(&one) {
                // A number may be that of a thread meanwhile.
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

/// The same request for one process as a question without a dump, which costs
/// the fewest system calls.
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
    fn tell(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()> {
        (**self).tell(request, each)
    }
}

impl<S: TaskSource + ?Sized> TaskSource for Box<S> {
    fn tell(&mut self, request: &Request<'_>, each: &mut dyn FnMut(Task)) -> Result<()> {
        (**self).tell(request, each)
    }
}

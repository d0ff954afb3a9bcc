// SPDX-License-Identifier: MIT
//! What all examples need: to end well where whoever reads has had enough.

use std::error::Error;
use std::io;

/// What an example comes to.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The outcome, but that it is no error if nobody reads on: `head` and the
/// like close the pipe when they have seen what they want.
pub(crate) fn unless_closed(outcome: Outcome) -> Outcome {
    match outcome {
        Err(error) if is_closed(&*error) => Ok(()),
        outcome => outcome,
    }
}

fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

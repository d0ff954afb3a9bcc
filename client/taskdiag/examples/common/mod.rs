// SPDX-License-Identifier: MIT
//! Helper of all examples: exits successfully if the reader closes the pipe.

use std::error::Error;
use std::io;

/// Result of an example.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// Returns the outcome, with a broken pipe as success: a reader such as `head`
/// closes the pipe when it has read enough.
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

// SPDX-License-Identifier: MIT
//! What carries requests out and answers back.

/// What carries requests out and answers back.
pub trait Transport {}
impl Transport for crate::Socket {}

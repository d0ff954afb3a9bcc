// SPDX-License-Identifier: MIT
//! The command: what the user asks, and the rows that answer it.

fn main() {}

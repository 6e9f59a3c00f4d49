//! The `oms` command.

fn main() {}

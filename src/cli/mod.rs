//! The command line: one file per command.

pub mod args;
pub mod argv;
pub mod migrate;

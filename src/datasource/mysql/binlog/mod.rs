//! Reading the source's binlog as a replica does.
//!
//! [`stream`] is the connection, [`source`] and [`status`] say what the source is, [`assembler`]
//! makes transactions of events, [`plan`] and [`rows`] decode rows with [`decode`]. All but the
//! first three are pure and never panic on any bytes.

pub mod assembler;
pub mod decode;
pub mod event;
pub mod executed;
pub mod gtid;
pub mod input;
pub mod plan;
pub mod query;
pub mod rows;
pub mod source;
pub mod status;
pub mod step;
pub mod stream;
pub mod table_map;

#[cfg(test)]
mod tests;

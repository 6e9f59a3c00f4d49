//! Reading the source's binlog as a replica does.
//!
//! [`stream`] is the connection, [`status`] what the source says about its log, [`assembler`]
//! makes transactions of events, [`plan`] and [`rows`] decode rows with [`decode`]. All but the
//! first two are pure and never panic on any bytes.

pub mod assembler;
pub mod decode;
pub mod event;
pub mod gtid;
pub mod input;
pub mod plan;
pub mod query;
pub mod rows;
pub mod status;
pub mod stream;
pub mod table_map;

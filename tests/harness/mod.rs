//! Real servers, waiting, comparison and load for the integration tests.
//!
//! ```ignore
//! let source = Server::start(Kind::MySql, Options::default()).await;
//! source.load_shop().await;
//! let load = Workload::start(source.url(), WorkloadOptions::default());
//! ```
#![allow(
    dead_code,
    unused_imports,
    reason = "every test binary uses its own part of the harness"
)]

pub mod compare;
pub mod oms;
pub mod postgres;
pub mod process;
pub mod server;
pub mod stuck;
pub mod wait;
pub mod workload;

pub use compare::{Difference, compare_tables, same_rows, tables_of};
pub use oms::{Ended, Migration, Rm, Running};
pub use postgres::Postgres;
pub use server::{Kind, Options, Server};
pub use stuck::stuck;
pub use wait::{try_wait_until, wait_until};
pub use workload::{Counters, Workload, WorkloadOptions};

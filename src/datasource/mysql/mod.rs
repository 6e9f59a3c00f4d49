//! MySQL and its relatives: MySQL, MariaDB, OceanBase (MySQL mode).
//!
//! [`endpoint`] says where a server is, [`connect`] opens sessions that behave alike on all
//! flavours, [`literal`] writes a row's cells into SQL, [`select`] names columns so that the
//! answer is the row encoding of [`crate::model::row`].

pub mod batch;
pub mod binlog;
pub mod bounds;
mod bulk;
pub mod catalogue;
pub mod compare;
pub mod connect;
pub mod connection;
pub mod ddl;
pub mod ddl_target;
pub mod endpoint;
pub mod fault;
pub mod fence;
pub mod heartbeat;
pub mod insert;
pub mod literal;
pub mod load;
pub mod log_way;
pub mod marks;
pub mod nudge;
pub mod privileges;
pub mod readonly;
pub mod scan;
pub mod select;
pub mod settings;
pub mod sink;
pub mod slicing;
pub mod snapshot;
pub mod stats;
pub mod tls;
pub mod traces;
pub mod wire;

pub use connect::{Server, Session};
pub use connection::Connection;
pub use endpoint::{BinlogAddress, Endpoint, Flavour, Secret};
pub use log_way::LogWay;
pub use tls::{Tls, TlsFiles, TlsMode};

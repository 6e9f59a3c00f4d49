//! MySQL and its relatives: MySQL, MariaDB, OceanBase (MySQL mode).
//!
//! [`endpoint`] says where a server is, [`connect`] opens sessions that behave alike on all
//! flavours, [`catalogue`] says what tables a server has, [`ddl`] writes their definitions for
//! another server, [`ddl_target`] applies a source's DDL, [`literal`] writes a row's cells into SQL, [`select`] names columns so that the
//! answer is the row encoding of [`crate::model::row`].

pub mod binlog;
pub mod catalogue;
pub mod connect;
pub mod ddl;
pub mod ddl_target;
pub mod endpoint;
pub mod fault;
pub mod literal;
pub mod select;

pub use connect::{Server, Session};
pub use endpoint::{Endpoint, Flavour, Secret};

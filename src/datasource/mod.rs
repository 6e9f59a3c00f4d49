//! Sources and targets: the only users of the database drivers.

pub mod mysql;

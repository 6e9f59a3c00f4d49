//! Struct-Transfer: the schema of the target.
//!
//! Two works: [`StructTransfer`] (step `STRUCT_TRANSFER`) makes databases, tables with their
//! primary and unique keys, and views; [`IndexTransfer`] (step `INDEX_TRANSFER`), after the data,
//! makes all other keys and then the foreign keys. Both are idempotent: what the target has
//! already, and alike, is left as it is. Each object is judged by itself: its outcome goes to the
//! [`ObjectLog`], the work goes on with the others, and ends with an error that names those that
//! failed. Only errors that may pass (a lost connection) end the work at once, to be tried again.

mod index;
mod log;
mod rm;
mod sides;
mod table;
#[cfg(test)]
mod tests;
mod view;
mod work;

pub use index::IndexTransfer;
pub use log::{Object, ObjectLog, TaskType};
pub use rm::RmObjects;
pub use work::StructTransfer;

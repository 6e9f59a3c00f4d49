//! A source's table definitions at a target of another flavour: pure, without a connection.
//!
//! [`convert`] turns a definition into the nearest one that the [`Target`] knows and notes every
//! change; [`render`] writes it as SQL, in the two parts that a migration needs (the table with
//! its primary and unique keys before the data, the other keys and foreign keys after it);
//! [`plan_alter`] does both for a DDL statement from the log; [`differences`] says what keeps a
//! table that is there already from being the one that is wanted.

mod alter;
mod collation;
mod compare;
mod convert;
mod partition;
mod render;
mod target;
#[cfg(test)]
mod tests;
mod view;

pub use alter::{AlterPlan, plan_alter};
pub use collation::map_charset;
pub use compare::{Scope, differences};
pub use convert::{Converted, convert};
pub use render::{
    add_foreign_key, add_keys, create_database, create_table, create_table_like, deferred_keys,
};
pub use target::{Target, family};
pub use view::create_view;

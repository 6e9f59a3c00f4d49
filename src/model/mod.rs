//! The words of the domain as pure data: no tokio, no database, no actor.

pub mod change;
pub mod ddl;
pub mod filter;
pub mod ids;
pub mod objects;
pub mod options;
pub mod params;
pub mod position;
pub mod precheck;
pub mod project;
pub mod row;
pub mod speed;
pub mod table;

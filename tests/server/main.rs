//! `oms server` over HTTP, as a platform's client sees it: accounts, data sources, a project's life,
//! and good and bad input for each action.

#[path = "../harness/mod.rs"]
mod harness;

mod accounts;
mod altered;
mod audit;
mod binlog_address;
mod client;
mod crashes;
mod fair;
mod following;
mod fuzz;
mod labels;
mod lease;
mod life;
mod lists;
mod logins;
mod nodes;
mod objects;
mod objects_crashes;
mod objects_load;
mod objects_scene;
mod on_postgresql;
mod operations;
mod parameters;
mod precheck;
mod refusals;
mod release;
mod rotate;
mod speed;
mod ssl;
mod stages;
mod tls;
mod tokens;
mod users;
mod whole;

//! `oms server` over HTTP, as a platform's client sees it: accounts, data sources, a project's life,
//! and good and bad input for each action.

#[path = "../harness/mod.rs"]
mod harness;

mod accounts;
mod audit;
mod client;
mod crashes;
mod following;
mod fuzz;
mod labels;
mod life;
mod logins;
mod on_postgresql;
mod operations;
mod refusals;
mod release;
mod rotate;
mod ssl;
mod stages;
mod tls;
mod tokens;
mod users;

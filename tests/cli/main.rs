//! The commands that ask an `oms server`, as their users run them: the built binary, a real server, and
//! a listener that writes down what is sent where only that matters.

#[path = "../harness/mod.rs"]
mod harness;

#[path = "../server/client.rs"]
#[allow(
    dead_code,
    reason = "these tests start servers and ask them by the binary"
)]
mod client;

mod actions;
mod cases;
mod cases_switch;
mod cases_works;
mod contexts;
mod covered;
mod life;
mod listener;
mod refusals;
mod run;
mod switch;
mod switched;

//! The switchover and the way back, over HTTP, on real servers under a load whose rows keep a sum.

#[path = "../harness/mod.rs"]
mod harness;

#[path = "../server/client.rs"]
#[allow(dead_code)]
mod client;

mod bank;
mod circle;
mod everywhere;
mod recipes;
mod refusals;
mod scene;

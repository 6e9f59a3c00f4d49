//! `oms migrate`.

pub mod progress;

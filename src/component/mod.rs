//! Components do the work of a project's steps: the contract ([`contract`]), and one folder each.
//! `docs/component-contract.md` is the contract in words.

pub mod contract;
pub mod full_import;
pub mod full_verification;
pub mod incr_sync;
pub mod log_source;
pub mod precheck;
pub mod share;
pub mod store;
pub mod struct_transfer;
pub mod throttle;
pub mod writes;

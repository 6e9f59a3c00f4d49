//! The contract that every component obeys; `docs/component-contract.md` has it in words, and
//! `tests/contract.rs` puts every component through it.

pub use crate::actor::work::{
    Assignment, Context, Finish, Progress, ProgressCell, Work, cancelled_is_fine,
};

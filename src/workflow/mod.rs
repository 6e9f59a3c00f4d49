//! What happens next, as pure functions: which state follows which ([`transition`]), and what the
//! Coordinator does about a project as it stands ([`plan`]). No clock, no database, no actor.

mod edits;
pub mod modify;
pub mod om;
pub mod plan;
mod precheck;
mod release;
pub mod reverse;
pub mod steps;
pub mod switch;
#[cfg(test)]
mod tests;
pub mod transition;

//! What a consumer sees of a Store: a stream of the source's log.

use crate::error::Result;
use crate::model::change::LogItem;
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::sync::Arc;

/// Opens the log behind a position.
pub type OpenLog =
    Arc<dyn Fn(Position) -> BoxFuture<'static, Result<Box<dyn LogSource>>> + Send + Sync>;

/// Asks where a log ends: everything that was committed at its server when this was asked stands in front
/// of it.
pub type AskEnd = Arc<dyn Fn() -> BoxFuture<'static, Result<Position>> + Send + Sync>;

/// A resumable stream of a source's log, whole transactions only: the pieces of one transaction
/// come only after the Store has its end.
pub trait LogSource: Send {
    /// The next item; waits at the tip of the log. Dropping the future loses nothing.
    fn next(&mut self) -> BoxFuture<'_, Result<LogItem>>;

    /// The position behind the last item that the Store holds now.
    fn tip(&self) -> Option<Position>;
}

//! What an Incr-Sync is told before it begins.

use super::ddl::{DdlApplier, DdlTasks, Decision, decide, restrict};
use super::lane::Retry;
use super::layout::Layouts;
use super::plan::Step;
use crate::component::throttle::Throttle;
use crate::model::change::{Change, DdlEvent};
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::options::IncrSyncOptions;
use crate::model::position::Position;
use crate::model::table::TableName;
use std::collections::HashMap;
use std::sync::Arc;

/// What an Incr-Sync needs to know.
pub struct Settings {
    /// Where a first run begins: the position that was fixed before the copy. Later runs go on
    /// from the progress kept at the target.
    pub start: Position,
    /// Tables whose copy was a consistent read at a position (those without a key): their changes
    /// in front of it are not applied.
    pub table_starts: HashMap<TableName, Position>,
    /// Which tables are in scope.
    pub filter: ObjectFilter,
    /// Lanes and sizes.
    pub options: IncrSyncOptions,
    /// Applies DDL.
    pub ddl: Arc<dyn DdlApplier>,
    /// DDL in front of this position is passed over, whatever it is: it is ours, or the preparation's,
    /// and the other side has it already. Definitions are followed all the same.
    pub ddl_from: Option<Position>,
    /// Where DDL that can't be applied is recorded.
    pub ddl_tasks: Arc<dyn DdlTasks>,
    /// Ends with [`crate::component::contract::Finish::Done`] once everything in front of this position is applied and nothing
    /// behind it.
    pub stop_at: Option<Position>,
    /// How failures that may pass are tried again.
    pub retry: Retry,
    /// Limits what is applied each second.
    pub throttle: Arc<Throttle>,
    /// A large transaction that claims more than this (rows and unique values) claims whole
    /// tables instead; [`MOST_CLAIMS`] but for tests.
    pub most_claims: usize,
}

/// What the claims of a large transaction may come to: some 10 MB.
pub const MOST_CLAIMS: usize = 1 << 17;

impl Settings {
    /// Whether what the log says of this table at `id` is to be applied: the table is in scope,
    /// and was not copied at a position behind it.
    pub fn concerns(&self, table: &TableName, id: TxnId) -> bool {
        let copied_behind = self
            .table_starts
            .get(table)
            .is_some_and(|start| id < start.txn_id());
        !copied_behind && self.filter.matches(table)
    }

    /// What is to be done about a DDL statement.
    pub(super) fn decide(&self, event: &DdlEvent) -> Decision {
        let decision = decide(&event.ddl, &|name| self.concerns(name, event.id));
        let before = self.ddl_from.as_ref();
        if before.is_some_and(|from| event.id < from.txn_id()) && decision != Decision::Ignore {
            return Decision::PassOver("it stands in front of where DDL begins to count");
        }
        restrict(decision, &event.ddl, self.options.ddl_mode)
    }

    /// The changes of a transaction that are to be applied, with their tables' layouts.
    pub(super) fn steps(
        &self,
        layouts: &mut Layouts,
        id: TxnId,
        changes: Vec<Change>,
    ) -> Vec<Step> {
        let mut steps = Vec::with_capacity(changes.len());
        for change in changes {
            if self.concerns(&change.table.table.name, id) {
                let layout = layouts.get(&change.table);
                let op = change.op;
                steps.push(Step { layout, op });
            }
        }
        steps
    }
}

//! Tables whose definition changes while they are compared.
//!
//! A statement like `ALTER TABLE … ADD COLUMN` at the source reaches the target a moment later. A table
//! that was read in front of it, or between the two, seems to have other columns than it has; and one
//! that changes in the midst of its comparison was not compared as it is now. So where the two sides do
//! not fit, where one says that a name is not there, and where a table has other columns at the end than
//! it had at the beginning, its definition is read anew, and the table is compared once more.

use super::outcome::ResultType;
use super::plan::Plan;
use super::ports::{Passed, TablePair};
use super::shared::Shared;
use crate::datasource::mysql::compare::live_columns;
use crate::error::{Error, Kind, Result};
use crate::model::table::Table;

/// So often a table is compared anew, at most, because its definition changed meanwhile.
pub const CHANGES: u32 = 5;
/// So often the two sides are looked at, at most, until they fit. Each look waits for the target as long
/// as [`Progressed`](super::ports::Progressed) does.
const LOOKS: u32 = 6;

/// Why a table cannot be compared.
#[derive(Debug)]
pub struct Mismatch {
    /// What it is called.
    pub result: ResultType,
    /// In words.
    pub why: String,
}

/// The plan by what both sides have, once what is on its way to the target has arrived. The pair has the
/// newest definition then.
pub async fn plan_of(
    shared: &Shared,
    pair: &mut TablePair,
) -> Result<std::result::Result<Plan, Mismatch>> {
    let mut passed = false;
    for look in 1.. {
        let live = shared.sides.target_columns(&pair.target).await?;
        let mismatch = match live.is_empty() {
            true => Mismatch {
                result: ResultType::TargetTableNotExist,
                why: format!("the target has no table {}", pair.target),
            },
            false => match Plan::make(pair, &live, shared.sides.signed_zero()) {
                Ok(plan) => return Ok(Ok(plan)),
                Err(why) => Mismatch {
                    result: ResultType::SchemaMismatch,
                    why,
                },
            },
        };
        shared.progress.beat();
        if look == LOOKS {
            return Ok(Err(mismatch));
        }
        if take_newer(shared, pair).await? {
            passed = false;
            continue;
        }
        if passed {
            return Ok(Err(mismatch));
        }
        match shared.progressed.passed_now().await? {
            Passed::Yes => passed = true,
            Passed::NotYet => {}
            Passed::Unknown => return Ok(Err(mismatch)),
        }
    }
    Err(Error::new(Kind::Internal, "looking at a table"))
}

/// Takes the source's definition over if it is another one by now; true where it is.
pub async fn take_newer(shared: &Shared, pair: &mut TablePair) -> Result<bool> {
    let pairs = shared.tables.tables().await?;
    let same_name = |p: &TablePair| p.source.name == pair.source.name;
    match pairs.into_iter().find(same_name) {
        Some(found) if differs(&found.source, &pair.source) => {
            tracing::info!(table = %pair.source.name, "its definition changed: it is read anew");
            *pair = found;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Whether the source's table has other columns than the pair says, by their names.
pub async fn has_other_columns(shared: &Shared, pair: &TablePair) -> Result<bool> {
    let mut lease = shared.sides.lease().await?;
    let live = live_columns(&mut lease.pair()?.source, &pair.source.name).await?;
    lease.give_back();
    let now = live.iter().map(|column| &column.name);
    Ok(!now.eq(pair.source.columns.iter().map(|column| &column.name)))
}

/// Whether two definitions of a table are compared differently.
fn differs(a: &Table, b: &Table) -> bool {
    a.columns != b.columns || a.row_key() != b.row_key()
}

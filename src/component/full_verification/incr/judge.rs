//! Rows that are suspect, or that cannot be compared with the log, are compared with the source as
//! a full verification does it: looked at again and again while Incr-Sync goes on, until they are
//! equal or proved different.

use super::results::Results;
use crate::component::contract::Context;
use crate::component::full_verification::plan::{Key, Plan};
use crate::component::full_verification::ports::{Progressed, TableProvider};
use crate::component::full_verification::report::{Finding, findings, with_correction};
use crate::component::full_verification::review::{Rounds, review};
use crate::component::full_verification::sides::Sides;
use crate::error::{Error, Kind, Result};
use crate::model::table::{Table, TableName};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Rows that are judged at once.
const CHUNK: usize = 1000;
/// A definition that differs at the target may be on its way there.
const SCHEMA_ATTEMPTS: u32 = 20;
/// So often its rows are read at once, at most, where a table changes while they are.
const CHANGES: u32 = 5;
/// How long it is waited before a table is looked at again.
const WAIT: Duration = Duration::from_secs(3);

/// Rows to be judged: their keys, by the names of the columns that these have.
#[derive(Debug)]
pub struct Case {
    /// The source's table.
    pub table: TableName,
    /// Columns of the keys.
    pub columns: Vec<String>,
    /// The keys.
    pub keys: Vec<Key>,
}

/// Judges rows.
pub struct Judge {
    pub(super) sides: Arc<Sides>,
    pub(super) tables: Arc<dyn TableProvider>,
    pub(super) progressed: Arc<dyn Progressed>,
    pub(super) rounds: Rounds,
    pub(super) plans: HashMap<TableName, Arc<Plan>>,
}

/// What a table is now.
enum Now {
    Plan(Arc<Plan>),
    Gone,
    Differs(String),
}

impl Judge {
    /// Table definitions have changed.
    pub fn forget(&mut self) {
        self.plans.clear();
    }

    /// Compares rows with the source's, and says what came out.
    pub async fn judge(
        &mut self,
        case: Case,
        results: &mut Results,
        context: &Context,
    ) -> Result<()> {
        let mut left = case.keys.as_slice();
        let mut changes = 0;
        while !left.is_empty() {
            let Some(plan) = self.plan(&case, left, results, context).await? else {
                return Ok(());
            };
            if !plan.key_names().eq(case.columns.iter().map(String::as_str)) {
                let why = "its key was changed by DDL while changes were waiting to be verified";
                results.unchecked(&case.table, left.len(), why);
                return Ok(());
            }
            let (keys, rest) = left.split_at(left.len().min(CHUNK));
            match self.compare(&plan, keys, results, context).await {
                // by DDL: the table has other columns than a moment ago
                Err(error) if error.kind() == Kind::ObjectMissing && changes < CHANGES => {
                    tracing::info!(table = %case.table, %error, "its definition is read anew");
                    changes += 1;
                    wait(context).await?;
                }
                compared => {
                    compared?;
                    left = rest;
                }
            }
        }
        Ok(())
    }

    /// The plan by what both sides have now; None where there is nothing to compare, which is
    /// noted.
    async fn plan(
        &mut self,
        case: &Case,
        keys: &[Key],
        results: &mut Results,
        context: &Context,
    ) -> Result<Option<Arc<Plan>>> {
        let mut why = String::new();
        for attempt in 0..SCHEMA_ATTEMPTS {
            if attempt > 0 {
                wait(context).await?;
            }
            match self.now(&case.table).await? {
                Now::Plan(plan) => return Ok(Some(plan)),
                // its rows went with it, at both sides
                Now::Gone => return Ok(None),
                Now::Differs(text) => why = text,
            }
        }
        results.unchecked(&case.table, keys.len(), &why);
        Ok(None)
    }

    async fn now(&mut self, table: &TableName) -> Result<Now> {
        if let Some(plan) = self.plans.get(table) {
            return Ok(Now::Plan(Arc::clone(plan)));
        }
        let pairs = self.tables.tables().await?;
        let Some(pair) = pairs.into_iter().find(|pair| pair.source.name == *table) else {
            return Ok(Now::Gone);
        };
        let live = self.sides.target_columns(&pair.target).await?;
        if live.is_empty() {
            return Ok(Now::Differs(
                "the target does not have the table".to_owned(),
            ));
        }
        if pair.source.row_key().is_none() {
            return Ok(Now::Differs("it has no key any more".to_owned()));
        }
        Ok(match Plan::make(&pair, &live, self.sides.signed_zero()) {
            Ok(plan) => {
                let plan = Arc::new(plan);
                self.plans.insert(table.clone(), Arc::clone(&plan));
                Now::Plan(plan)
            }
            Err(why) => Now::Differs(why),
        })
    }

    async fn compare(
        &mut self,
        plan: &Plan,
        keys: &[Key],
        results: &mut Results,
        context: &Context,
    ) -> Result<()> {
        let progress = Arc::clone(context.progress());
        let beat = move || progress.beat();
        let different = loop {
            let mut lease = self.sides.lease().await?;
            let looked = review(
                plan,
                lease.pair()?,
                keys.to_vec(),
                self.rounds,
                &*self.progressed,
                &beat,
            )
            .await;
            match looked {
                Ok(different) => {
                    lease.give_back();
                    break different;
                }
                // Incr-Sync is far behind or at rest: nothing can be said yet
                Err(error) if error.kind() == Kind::VerifyFailed => wait(context).await?,
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        };
        let found = self.find(plan, &different).await?;
        let right = others(plan, keys, &found);
        results.checked(&plan.source, right.len());
        results.right(plan, right.into_iter()).await?;
        let differences = found
            .iter()
            .map(|f| (with_correction(plan, f), f.key.clone()));
        results.different(plan, differences.collect()).await
    }

    /// What is different of these rows now. Where that cannot be read, the table may be another one.
    async fn find(&mut self, plan: &Plan, keys: &[Key]) -> Result<Vec<Finding>> {
        let mut lease = self.sides.lease().await?;
        let found = findings(plan, lease.pair()?, keys).await;
        match &found {
            Ok(_) => lease.give_back(),
            Err(_) => self.forget(),
        }
        found
    }

    /// Looks whether rows that were different have become equal: somebody corrected them.
    pub async fn look_again(&mut self, case: Case, results: &mut Results) -> Result<()> {
        for keys in case.keys.chunks(CHUNK) {
            let mut changed = false;
            loop {
                let Now::Plan(plan) = self.now(&case.table).await? else {
                    return Ok(());
                };
                if !plan.key_names().eq(case.columns.iter().map(String::as_str)) {
                    return Ok(());
                }
                let found = match self.find(&plan, keys).await {
                    Err(error) if error.kind() == Kind::ObjectMissing && !changed => {
                        changed = true;
                        continue;
                    }
                    found => found?,
                };
                let right = others(&plan, keys, &found);
                results.right(&plan, right.into_iter()).await?;
                break;
            }
        }
        Ok(())
    }
}

/// Waits a moment, unless the work shall end.
pub async fn wait(context: &Context) -> Result<()> {
    context.progress().beat();
    tokio::select! {
        () = context.cancelled() => Err(Error::new(Kind::Interrupted, "the work was told to end")),
        () = tokio::time::sleep(WAIT) => Ok(()),
    }
}

/// The keys of which nothing was found.
fn others<'k>(plan: &Plan, keys: &'k [Key], found: &[Finding]) -> Vec<&'k Key> {
    let wrong: HashSet<Vec<u8>> = found.iter().map(|f| plan.key_id(&f.key)).collect();
    keys.iter()
        .filter(|key| !wrong.contains(&plan.key_id(key)))
        .collect()
}

/// Sorts keys by table.
pub fn cases(rows: impl IntoIterator<Item = (Arc<Table>, Key)>) -> Vec<Case> {
    let mut cases: HashMap<TableName, Case> = HashMap::new();
    for (table, key) in rows {
        let case = cases.entry(table.name.clone()).or_insert_with(|| Case {
            table: table.name.clone(),
            columns: table
                .row_key()
                .unwrap_or_default()
                .into_iter()
                .map(|at| table.columns[at].name.clone())
                .collect(),
            keys: Vec::new(),
        });
        case.keys.push(key);
    }
    cases.into_values().collect()
}

//! What an Incr-Verification knows of its tables, and who is told.

use super::judge::Case;
use super::ports::{IncrLog, Open, Standing};
use crate::component::contract::ProgressCell;
use crate::component::full_verification::outcome::{DiffKind, Difference};
use crate::component::full_verification::plan::{Key, Plan};
use crate::component::full_verification::report::id_of_key;
use crate::error::Result;
use crate::model::table::TableName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The standings of all tables.
pub struct Results {
    log: Arc<dyn IncrLog>,
    tables: BTreeMap<TableName, Standing>,
    changed: BTreeSet<TableName>,
    /// At most so many differences of a table are listed.
    limit: usize,
}

impl Results {
    /// Goes on from what is kept.
    pub async fn open(log: Arc<dyn IncrLog>, limit: u64) -> Result<Self> {
        let tables = log.restore().await?.into_iter().collect();
        Ok(Self {
            log,
            tables,
            changed: BTreeSet::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        })
    }

    fn of(&mut self, table: &TableName) -> &mut Standing {
        self.changed.insert(table.clone());
        self.tables.entry(table.clone()).or_default()
    }

    /// So many rows of a table are right.
    pub fn checked(&mut self, table: &TableName, rows: usize) {
        if rows > 0 {
            self.of(table).checked += rows as u64;
        }
    }

    /// So many changes of a table could not be verified, and why.
    pub fn unchecked(&mut self, table: &TableName, changes: usize, why: &str) {
        if changes == 0 {
            return;
        }
        let standing = self.of(table);
        if standing.message != why {
            tracing::warn!(%table, why, "changes are not verified");
            why.clone_into(&mut standing.message);
        }
        standing.unchecked += changes as u64;
    }

    /// Rows that were just found right: those of them that were listed as different are corrected.
    pub async fn right<'k>(
        &mut self,
        plan: &Plan,
        keys: impl Iterator<Item = &'k Key>,
    ) -> Result<()> {
        let Some(standing) = self.tables.get(&plan.source) else {
            return Ok(());
        };
        if standing.open.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = keys
            .map(|key| id_of_key(plan, key))
            .filter(|id| standing.open.contains_key(id))
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.log.corrected(&plan.source, &ids).await?;
        let standing = self.of(&plan.source);
        for id in ids {
            standing.open.remove(&id);
        }
        Ok(())
    }

    /// Rows that are different, with their keys.
    pub async fn different(
        &mut self,
        plan: &Plan,
        differences: Vec<(Difference, Key)>,
    ) -> Result<()> {
        if differences.is_empty() {
            return Ok(());
        }
        let table = &plan.source;
        let limit = self.limit;
        let standing = self.of(table);
        standing.key_columns = plan.key_names().map(str::to_owned).collect();
        let mut listed = Vec::new();
        for (difference, key) in differences {
            if !standing.open.contains_key(&difference.id) && standing.open.len() >= limit {
                standing.unlisted += 1;
                continue;
            }
            tracing::warn!(%table, kind = ?difference.kind, id = %difference.id, "a row is different at the target");
            let open = Open {
                kind: difference.kind,
                key: Some(key),
            };
            standing.open.insert(difference.id.clone(), open);
            listed.push(difference);
        }
        self.log.differences(table, &listed).await
    }

    /// The rows that are known to be different.
    pub fn known(&self) -> Vec<Case> {
        let tables = self.tables.iter().filter(|(_, s)| !s.open.is_empty());
        tables
            .map(|(table, standing)| Case {
                table: table.clone(),
                columns: standing.key_columns.clone(),
                keys: standing
                    .open
                    .values()
                    .filter_map(|o| o.key.clone())
                    .collect(),
            })
            .collect()
    }

    /// Differences that are open now.
    pub fn inconsistencies(&self) -> u64 {
        let of = |s: &Standing| s.open.len() as u64 + s.unlisted;
        self.tables.values().map(of).sum()
    }

    /// Writes down what changed.
    pub async fn save(&mut self, progress: &ProgressCell) -> Result<()> {
        progress.set_detail("inconsistencies", self.inconsistencies());
        let sum = |of: fn(&Standing) -> u64| self.tables.values().map(of).sum::<u64>();
        progress.set_detail("checked", sum(|s| s.checked));
        progress.set_detail("unchecked", sum(|s| s.unchecked));
        while let Some(table) = self.changed.first().cloned() {
            if let Some(standing) = self.tables.get(&table) {
                self.log.standing(&table, standing).await?;
            }
            self.changed.remove(&table);
        }
        Ok(())
    }
}

impl Standing {
    /// How many open differences are of a kind.
    pub fn count(&self, kind: DiffKind) -> u64 {
        self.open.values().filter(|o| o.kind == kind).count() as u64
    }
}

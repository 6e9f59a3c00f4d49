//! How the rows of one version of a table are compared with what the log says of them.
//!
//! The log's images are whole rows as the source would give them, so a row at the target is right
//! if it has the same [`Image`]. Columns that a server computes are left out: the log may have
//! them or not. Text is compared as characters even where its character set has characters that
//! Unicode has not; such a row may become suspect without need, and is then compared byte by byte
//! with the source's.

use crate::component::full_verification::canon::{Image, image_of};
use crate::component::full_verification::plan::{Key, Plan, Side};
use crate::component::full_verification::ports::TablePair;
use crate::component::full_verification::review::Seen;
use crate::component::full_verification::sides::{Sides, fetch};
use crate::datasource::mysql::Connection;
use crate::error::Result;
use crate::model::change::TableVersion;
use crate::model::row::Row;
use std::sync::Arc;

/// How the rows of a table version can be looked at.
#[derive(Debug, Clone)]
pub enum View {
    /// By their keys.
    Glance(Arc<Glance>),
    /// Not at all: the table has no key.
    Keyless,
    /// Not by the log, because the target's table is another one now; only by the source's rows.
    Blind,
}

/// A table version whose rows can be looked at.
#[derive(Debug)]
pub struct Glance {
    /// The plan.
    pub plan: Plan,
}

impl Glance {
    /// What the target holds of these rows now.
    pub async fn look(&self, target: &mut Connection, keys: &[&Key]) -> Result<Vec<Seen>> {
        let mut seen: Vec<Seen> = vec![None; keys.len()];
        let note = |at: usize, row: Row| seen[at] = Some(self.image(Side::Target, &row));
        fetch(target, &self.plan, Side::Target, keys, false, note).await?;
        Ok(seen)
    }

    /// The row's image on a side, without columns that a server computes.
    pub fn image(&self, side: Side, row: &Row) -> Image {
        let stored = self
            .plan
            .columns
            .iter()
            .enumerate()
            .zip(row.cells())
            .filter(|((_, column), _)| !column.generated)
            .map(|((at, _), cell)| (self.plan.class(side, at), cell));
        image_of(stored)
    }
}

impl View {
    /// The view of a table version, by what the target has now.
    pub async fn of(version: &TableVersion, sides: &Sides) -> Result<Self> {
        if version.table.row_key().is_none() {
            return Ok(Self::Keyless);
        }
        let pair = TablePair {
            source: Arc::new(version.table.clone()),
            target: version.table.name.clone(),
        };
        let live = sides.target_columns(&pair.target).await?;
        Ok(match Plan::make(&pair, &live, sides.signed_zero()) {
            Ok(mut plan) => {
                plan.columns.iter_mut().for_each(|column| column.raw = None);
                Self::Glance(Arc::new(Glance { plan }))
            }
            Err(_) => Self::Blind,
        })
    }
}

//! `oms_verify_diff`: the rows that differ.

use chrono::NaiveDateTime;
use entity::{oms_verify_diff as d, oms_verify_result as v};
use sea_orm::{
    Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    TransactionTrait,
    sea_query::{Expr, ExprTrait, Func, Query},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    DiffType, MetaError, Row, StateText, VerifyKey, VerifyResults, Written,
    access::{CHUNK, FromModel, Sets, insert_statement, is, update_statement},
    retry::{Twice, retry},
    row::{Cells, json_text, now},
    verify::fence,
};

/// A row that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyDiff {
    /// Number, by the database.
    pub id: i64,
    /// The comparison that found it.
    pub key: VerifyKey,
    /// What tells this row from the others of its table.
    pub key_hash: String,
    /// How it differs.
    pub kind: DiffType,
    /// Array of `{columnName, columnValue}`.
    pub unique_keys: Value,
    /// Array of `{columnName, sourceValue, destValue}`.
    pub details: Value,
    /// The statement that makes the target equal.
    pub correction_sql: String,
    /// Was it applied.
    pub corrected: bool,
    /// When it was found, UTC.
    pub gmt_created: NaiveDateTime,
}

impl FromModel for VerifyDiff {
    type Entity = d::Entity;

    fn from_model(row: d::Model) -> Row<Self> {
        let id = row.id.to_string();
        let cells = Cells {
            table: "oms_verify_diff",
            id: &id,
        };
        Ok(Self {
            kind: cells.state("diff_type", &row.diff_type)?,
            unique_keys: cells.json("unique_keys", &row.unique_keys)?,
            details: cells.json("details", &row.details)?,
            id: row.id,
            key: VerifyKey {
                project_id: row.project_id,
                sub_id: row.sub_id,
                source_schema: row.source_schema,
                source_table: row.source_table,
            },
            key_hash: row.key_hash,
            correction_sql: row.correction_sql,
            corrected: row.corrected,
            gmt_created: row.gmt_created,
        })
    }
}

/// A row that differs, to be added.
#[derive(Clone, Debug)]
pub struct NewDiff {
    /// What tells this row from the others of its table; `None`: the hash of `unique_keys`. Rows of
    /// a table without a key need one that counts equal rows.
    pub key_hash: Option<String>,
    /// How it differs.
    pub kind: DiffType,
    /// Array of `{columnName, columnValue}`.
    pub unique_keys: Value,
    /// Array of `{columnName, sourceValue, destValue}`.
    pub details: Value,
    /// The statement that makes the target equal.
    pub correction_sql: String,
}

impl NewDiff {
    /// What tells this row from the others: 64 hexadecimal digits.
    pub fn hash(&self) -> String {
        match &self.key_hash {
            Some(hash) => hash.clone(),
            None => format!("{:x}", Sha256::digest(json_text(&self.unique_keys))),
        }
    }
}

/// Which differences to list.
#[derive(Clone, Debug, Default)]
pub struct DiffFilter {
    /// Number of the verification.
    pub sub_id: i32,
    /// This schema only.
    pub source_schema: Option<String>,
    /// This table only.
    pub source_table: Option<String>,
    /// Only those that were not corrected yet.
    pub uncorrected: bool,
    /// Only those with a greater id than this: pages through a list that changes meanwhile.
    pub after_id: i64,
    /// How many to leave out at the beginning.
    pub offset: u64,
    /// How many at most; 0: all.
    pub limit: u64,
}

impl DiffFilter {
    fn condition(&self, project_id: &str) -> Condition {
        let mut condition = Condition::all()
            .add(is(d::Column::ProjectId, project_id))
            .add(is(d::Column::SubId, self.sub_id));
        if let Some(schema) = &self.source_schema {
            condition = condition.add(is(d::Column::SourceSchema, schema.as_str()));
        }
        if let Some(table) = &self.source_table {
            condition = condition.add(is(d::Column::SourceTable, table.as_str()));
        }
        if self.uncorrected {
            condition = condition.add(is(d::Column::Corrected, false));
        }
        if self.after_id > 0 {
            condition = condition.add(Expr::col(d::Column::Id).gt(self.after_id));
        }
        condition
    }
}

impl VerifyResults<'_> {
    /// Adds differences to a comparison; one that is there already is written anew, not doubled.
    /// Nothing is added when the comparison carries a newer epoch.
    pub async fn add_diffs(
        self,
        key: &VerifyKey,
        diffs: Vec<NewDiff>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let unique = [
            d::Column::ProjectId,
            d::Column::SubId,
            d::Column::SourceSchema,
            d::Column::SourceTable,
            d::Column::KeyHash,
        ];
        let renewed = [
            d::Column::DiffType,
            d::Column::UniqueKeys,
            d::Column::Details,
            d::Column::CorrectionSql,
            d::Column::Corrected,
        ];
        for chunk in diffs.chunks(CHUNK) {
            let models = chunk.iter().map(|diff| model(key, diff)).collect();
            let insert = insert_statement::<d::Entity>(models, &unique, &renewed);
            let sets = Sets::new().set(v::Column::GmtModified, now());
            let touch = update_statement(&fence(key, epoch), &sets, true);
            // The touched row stays locked until the differences are committed with it.
            let matched = retry("add differences", Twice::Harmless, || async {
                let transaction = self.0.write.begin().await?;
                let matched = transaction.execute(&touch).await?.rows_affected();
                if matched > 0 {
                    transaction.execute(&insert).await?;
                }
                transaction.commit().await?;
                Ok(matched)
            })
            .await?;
            if matched == 0 {
                // Tells why, or finds that it works now and touches the row.
                let sets = Sets::new().set(v::Column::GmtModified, now());
                return match self.0.write_fenced(fence(key, epoch), sets).await? {
                    Written::Applied => Err(MetaError::Conflict {
                        what: format!("the comparison {key} changes all the time"),
                    }),
                    why => Ok(why),
                };
            }
        }
        Ok(Written::Applied)
    }

    /// Forgets differences that a re-check found equal, by their hashes.
    pub async fn remove_diffs(self, key: &VerifyKey, hashes: &[String]) -> Result<u64, MetaError> {
        let mut gone = 0;
        for chunk in hashes.chunks(CHUNK) {
            let delete = Query::delete()
                .from_table(d::Entity)
                .cond_where(of_comparison(key))
                .and_where(Expr::col(d::Column::KeyHash).is_in(chunk.iter().cloned()))
                .to_owned();
            gone += self
                .0
                .execute("forget differences", Twice::Harmless, &delete)
                .await?;
        }
        Ok(gone)
    }

    /// Forgets all differences of one table's comparison, which begins anew.
    pub async fn forget_diffs(self, key: &VerifyKey) -> Result<u64, MetaError> {
        let delete = Query::delete()
            .from_table(d::Entity)
            .cond_where(of_comparison(key))
            .to_owned();
        self.0
            .execute("forget differences", Twice::Harmless, &delete)
            .await
    }

    /// Differences of a verification by number.
    pub async fn list_diffs(
        self,
        project_id: &str,
        filter: &DiffFilter,
    ) -> Result<Vec<Row<VerifyDiff>>, MetaError> {
        let mut select = d::Entity::find()
            .filter(filter.condition(project_id))
            .order_by_asc(d::Column::Id);
        if filter.limit > 0 {
            select = select.offset(filter.offset).limit(filter.limit);
        }
        self.0.rows("list differences", select).await
    }

    /// How many differences there are, whatever the page.
    pub async fn count_diffs(
        self,
        project_id: &str,
        filter: &DiffFilter,
    ) -> Result<i64, MetaError> {
        let what = "count differences";
        let select = Query::select()
            .expr(Func::count(Expr::col(d::Column::Id)))
            .from(d::Entity)
            .cond_where(filter.condition(project_id))
            .to_owned();
        match self.0.scalar_row(what, &select).await? {
            None => Ok(0),
            Some(row) => row
                .try_get_by_index(0)
                .map_err(|error| MetaError::from_db(what, error)),
        }
    }

    /// The correction of these differences was applied at the target.
    pub async fn mark_corrected(self, ids: &[i64]) -> Result<(), MetaError> {
        for chunk in ids.chunks(CHUNK) {
            let update = Query::update()
                .table(d::Entity)
                .value(d::Column::Corrected, true)
                .and_where(Expr::col(d::Column::Id).is_in(chunk.iter().copied()))
                .to_owned();
            self.0
                .execute("mark as corrected", Twice::Harmless, &update)
                .await?;
        }
        Ok(())
    }

    /// The correction of these rows of a comparison was applied at the target, by their hashes.
    pub async fn mark_corrected_rows(
        self,
        key: &VerifyKey,
        hashes: &[String],
    ) -> Result<(), MetaError> {
        for chunk in hashes.chunks(CHUNK) {
            let update = Query::update()
                .table(d::Entity)
                .value(d::Column::Corrected, true)
                .cond_where(of_comparison(key))
                .and_where(Expr::col(d::Column::KeyHash).is_in(chunk.iter().cloned()))
                .to_owned();
            self.0
                .execute("mark as corrected", Twice::Harmless, &update)
                .await?;
        }
        Ok(())
    }

    /// Forgets a whole verification, differences first; what a newer epoch wrote stays.
    pub async fn delete(self, project_id: &str, sub_id: i32, epoch: i64) -> Result<(), MetaError> {
        let what = "forget a verification";
        let newer = Query::select()
            .column(v::Column::Epoch)
            .from(v::Entity)
            .and_where(is(v::Column::ProjectId, project_id))
            .and_where(is(v::Column::SubId, sub_id))
            .and_where(Expr::col(v::Column::Epoch).gt(epoch))
            .limit(1)
            .to_owned();
        if let Some(row) = self.0.scalar_row(what, &newer).await? {
            let found = row
                .try_get_by_index(0)
                .map_err(|error| MetaError::from_db(what, error))?;
            return Written::Fenced { found }.require(
                super::verify::TABLE,
                format!("{project_id}/{sub_id}"),
                epoch,
            );
        }
        let diffs = Query::delete()
            .from_table(d::Entity)
            .and_where(is(d::Column::ProjectId, project_id))
            .and_where(is(d::Column::SubId, sub_id))
            .to_owned();
        self.0.execute(what, Twice::Harmless, &diffs).await?;
        let results = Query::delete()
            .from_table(v::Entity)
            .and_where(is(v::Column::ProjectId, project_id))
            .and_where(is(v::Column::SubId, sub_id))
            .and_where(Expr::col(v::Column::Epoch).lte(epoch))
            .to_owned();
        self.0.execute(what, Twice::Harmless, &results).await?;
        Ok(())
    }
}

fn of_comparison(key: &VerifyKey) -> Condition {
    Condition::all()
        .add(is(d::Column::ProjectId, key.project_id.as_str()))
        .add(is(d::Column::SubId, key.sub_id))
        .add(is(d::Column::SourceSchema, key.source_schema.as_str()))
        .add(is(d::Column::SourceTable, key.source_table.as_str()))
}

fn model(key: &VerifyKey, diff: &NewDiff) -> d::ActiveModel {
    d::ActiveModel {
        id: sea_orm::NotSet,
        project_id: Set(key.project_id.clone()),
        sub_id: Set(key.sub_id),
        source_schema: Set(key.source_schema.clone()),
        source_table: Set(key.source_table.clone()),
        key_hash: Set(diff.hash()),
        diff_type: Set(diff.kind.text()),
        unique_keys: Set(json_text(&diff.unique_keys)),
        details: Set(json_text(&diff.details)),
        correction_sql: Set(diff.correction_sql.clone()),
        corrected: Set(false),
        gmt_created: Set(now()),
    }
}

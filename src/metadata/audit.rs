//! `oms_audit_log`.

use chrono::NaiveDateTime;
use entity::oms_audit_log as a;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, Func, Query},
};
use serde_json::Value;

use super::{
    MetaError, Metadata, Row,
    access::{FromModel, is},
    retry::Twice,
    row::{Cells, json_text, now, stamp},
};

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// Number, by the database.
    pub id: i64,
    /// The request's id.
    pub request_id: String,
    /// The account's name.
    pub account: String,
    /// From where.
    pub address: String,
    /// What was done.
    pub action: String,
    /// To what; empty: nothing that has an id.
    pub object: String,
    /// What it was before.
    pub before: Option<Value>,
    /// What it was after.
    pub after: Option<Value>,
    /// `OK`, a code, or empty: not known.
    pub result_code: String,
    /// When it began, UTC.
    pub gmt_created: NaiveDateTime,
}

impl FromModel for Audit {
    type Entity = a::Entity;

    fn from_model(row: a::Model) -> Row<Self> {
        let id = row.id.to_string();
        let cells = Cells {
            table: "oms_audit_log",
            id: &id,
        };
        Ok(Self {
            before: cells.json_null("before_value", row.before_value.as_deref())?,
            after: cells.json_null("after_value", row.after_value.as_deref())?,
            id: row.id,
            request_id: row.request_id,
            account: row.account,
            address: row.address,
            action: row.action_name,
            object: row.object_id,
            result_code: row.result_code,
            gmt_created: row.gmt_created,
        })
    }
}

/// A line to be written before its action begins.
#[derive(Clone, Debug)]
pub struct NewAudit {
    /// The request's id; unique.
    pub request_id: String,
    /// The account's name.
    pub account: String,
    /// The account's id; empty: not by the API.
    pub user_id: String,
    /// The account's department; empty: none.
    pub department_id: String,
    /// From where.
    pub address: String,
    /// What is done.
    pub action: String,
    /// To what, where it is known already.
    pub object: String,
    /// What it is before.
    pub before: Option<Value>,
}

/// Which lines to list; `None`: all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this account's id.
    pub user_id: Option<String>,
    /// Of this department.
    pub department_id: Option<String>,
    /// Of this account's name.
    pub account: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// About this object.
    pub object: Option<String>,
    /// With this result.
    pub result_code: Option<String>,
    /// Not older than this, UTC.
    pub from: Option<NaiveDateTime>,
    /// Older than this, UTC.
    pub until: Option<NaiveDateTime>,
}

/// The repository of `oms_audit_log`.
#[derive(Clone, Copy)]
pub struct AuditLogs<'a>(pub(super) &'a Metadata);

impl AuditLogs<'_> {
    /// Writes a line without its result.
    pub async fn begin(self, new: NewAudit) -> Result<(), MetaError> {
        let model = a::ActiveModel {
            id: sea_orm::NotSet,
            request_id: Set(new.request_id),
            account: Set(new.account),
            user_id: Set(new.user_id),
            department_id: Set(new.department_id),
            address: Set(new.address),
            action_name: Set(new.action),
            object_id: Set(new.object),
            before_value: Set(new.before.as_ref().map(json_text)),
            after_value: Set(None),
            result_code: Set(String::new()),
            gmt_created: Set(now()),
        };
        self.0
            .insert_new::<a::Entity>("write the audit log", vec![model], &[a::Column::RequestId])
            .await
    }

    /// Completes a line.
    pub async fn finish(
        self,
        request_id: &str,
        object: &str,
        after: Option<&Value>,
        result_code: &str,
    ) -> Result<(), MetaError> {
        let update = Query::update()
            .table(a::Entity)
            .value(a::Column::ObjectId, object)
            .value(a::Column::AfterValue, after.map(json_text))
            .value(a::Column::ResultCode, result_code)
            .and_where(is(a::Column::RequestId, request_id))
            .to_owned();
        self.0
            .execute("complete the audit log", Twice::Harmless, &update)
            .await?;
        Ok(())
    }

    /// Lines, the newest first, and how many there are without the limit.
    pub async fn list(
        self,
        filter: &AuditFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Row<Audit>>, u64), MetaError> {
        let what = "read the audit log";
        let select = a::Entity::find()
            .filter(condition(filter))
            .order_by_desc(a::Column::Id)
            .offset(offset)
            .limit(limit);
        let rows = self.0.rows(what, select).await?;
        let count = Query::select()
            .expr(Func::count(Expr::col(a::Column::Id)))
            .from(a::Entity)
            .cond_where(condition(filter))
            .to_owned();
        let total = match self.0.scalar_row(what, &count).await? {
            Some(row) => row
                .try_get_by_index::<i64>(0)
                .map_err(|error| MetaError::from_db(what, error))?,
            None => 0,
        };
        Ok((rows, total.unsigned_abs()))
    }
}

fn condition(filter: &AuditFilter) -> Condition {
    let mut all = Condition::all();
    let texts = [
        (a::Column::UserId, &filter.user_id),
        (a::Column::DepartmentId, &filter.department_id),
        (a::Column::Account, &filter.account),
        (a::Column::ActionName, &filter.action),
        (a::Column::ObjectId, &filter.object),
        (a::Column::ResultCode, &filter.result_code),
    ];
    for (column, text) in texts {
        if let Some(text) = text {
            all = all.add(column.eq(text.as_str()));
        }
    }
    if let Some(from) = filter.from {
        all = all.add(a::Column::GmtCreated.gte(stamp(from)));
    }
    if let Some(until) = filter.until {
        all = all.add(a::Column::GmtCreated.lt(stamp(until)));
    }
    all
}

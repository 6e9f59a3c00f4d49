//! `oms_event`: the journal.

use chrono::NaiveDateTime;
use entity::oms_event as e;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, Func, InsertStatement, Query},
};
use serde_json::Value;

use super::{
    MetaError, MetaErrorKind, Metadata, Row, Written,
    access::{FromModel, insert_statement, is},
    retry::Twice,
    row::{Cells, json_text, now},
};

const TABLE: &str = "oms_event";

/// A journal entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Number, by the database.
    pub id: i64,
    /// The project.
    pub project_id: String,
    /// The id of the project, step, task or component that it happened to.
    pub subject: String,
    /// Number within the subject.
    pub event_no: i64,
    /// What happened.
    pub kind: String,
    /// The writer's epoch.
    pub epoch: i64,
    /// More about it.
    pub detail: Value,
    /// When it was written, UTC.
    pub gmt_created: NaiveDateTime,
}

impl FromModel for Event {
    type Entity = e::Entity;

    fn from_model(row: e::Model) -> Row<Self> {
        let id = row.id.to_string();
        let cells = Cells {
            table: TABLE,
            id: &id,
        };
        Ok(Self {
            detail: cells.object("detail", &row.detail)?,
            id: row.id,
            project_id: row.project_id,
            subject: row.subject,
            event_no: row.event_no,
            kind: row.event_type,
            epoch: row.epoch,
            gmt_created: row.gmt_created,
        })
    }
}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The project.
    pub project_id: String,
    /// The id of the project, step, task or component.
    pub subject: String,
    /// Number within the subject, so that the same event is written once; `None`: the next one.
    pub event_no: Option<i64>,
    /// What happened.
    pub kind: String,
    /// The writer's epoch.
    pub epoch: i64,
    /// More about it; an object.
    pub detail: Value,
}

/// The repository of `oms_event`.
#[derive(Clone, Copy)]
pub struct Events<'a>(pub(super) &'a Metadata);

impl Events<'_> {
    /// Writes an entry and gives its number within the subject. With a number of its own an entry
    /// that is there already stays as it is. [`MetaError::Fenced`] when the subject's journal has an
    /// entry of a newer epoch.
    pub async fn append(self, event: NewEvent) -> Result<i64, MetaError> {
        let what = "write the journal";
        for _ in 0..32 {
            let (last, newest) = self.last(&event.subject).await?;
            if newest > event.epoch {
                Written::Fenced { found: newest }.require(TABLE, &event.subject, event.epoch)?;
            }
            let number = event.event_no.unwrap_or(last + 1);
            if event.event_no.is_some() {
                let insert = insert(&event, number, true);
                self.0.execute(what, Twice::Harmless, &insert).await?;
                return Ok(number);
            }
            let insert = insert(&event, number, false);
            match self.0.execute(what, Twice::Harmful, &insert).await {
                Ok(_) => return Ok(number),
                // Somebody else took the number.
                Err(error) if error.kind() == MetaErrorKind::Conflict => {}
                Err(error) => return Err(error),
            }
        }
        Err(grows(&event.subject))
    }

    /// The write of an entry with the next number, for who has more to write in one transaction; it fails
    /// of a conflict where somebody else takes the number first.
    pub(super) async fn next_entry(self, event: &NewEvent) -> Result<InsertStatement, MetaError> {
        let (last, newest) = self.last(&event.subject).await?;
        if newest > event.epoch {
            Written::Fenced { found: newest }.require(TABLE, &event.subject, event.epoch)?;
        }
        Ok(insert(event, last + 1, false))
    }

    /// The journal of a subject, in order.
    pub async fn list(self, subject: &str) -> Result<Vec<Row<Event>>, MetaError> {
        let select = e::Entity::find()
            .filter(e::Column::Subject.eq(subject))
            .order_by_asc(e::Column::EventNo);
        self.0.rows("read the journal", select).await
    }

    /// The last entries of a project, the newest first; `limit` 0: all.
    pub async fn list_project(
        self,
        project_id: &str,
        limit: u64,
    ) -> Result<Vec<Row<Event>>, MetaError> {
        let mut select = e::Entity::find()
            .filter(e::Column::ProjectId.eq(project_id))
            .order_by_desc(e::Column::Id);
        if limit > 0 {
            select = select.limit(limit);
        }
        self.0.rows("read the journal", select).await
    }

    /// The entries of these kinds in a project; those of one subject are in order.
    pub async fn list_kinds(
        self,
        project_id: &str,
        kinds: &[&str],
    ) -> Result<Vec<Row<Event>>, MetaError> {
        let select = e::Entity::find()
            .filter(e::Column::ProjectId.eq(project_id))
            .filter(e::Column::EventType.is_in(kinds.iter().copied()))
            .order_by_asc(e::Column::EventNo);
        self.0.rows("read the journal", select).await
    }

    /// The last number and the newest epoch of a subject's journal; zeros when it is empty.
    async fn last(self, subject: &str) -> Result<(i64, i64), MetaError> {
        let what = "read the end of the journal";
        let select = Query::select()
            .expr(Func::max(Expr::col(e::Column::EventNo)))
            .expr(Func::max(Expr::col(e::Column::Epoch)))
            .from(e::Entity)
            .and_where(is(e::Column::Subject, subject))
            .to_owned();
        let Some(row) = self.0.scalar_row(what, &select).await? else {
            return Ok((0, 0));
        };
        let number = |index| -> Result<i64, MetaError> {
            row.try_get_by_index::<Option<i64>>(index)
                .map(Option::unwrap_or_default)
                .map_err(|error| MetaError::from_db(what, error))
        };
        Ok((number(0)?, number(1)?))
    }
}

/// The error where others were faster all the time.
pub(super) fn grows(subject: &str) -> MetaError {
    MetaError::Conflict {
        what: format!("the journal of '{subject}' grows all the time"),
    }
}

fn insert(event: &NewEvent, event_no: i64, leave: bool) -> InsertStatement {
    let model = e::ActiveModel {
        id: sea_orm::NotSet,
        project_id: Set(event.project_id.clone()),
        subject: Set(event.subject.clone()),
        event_no: Set(event_no),
        event_type: Set(event.kind.clone()),
        epoch: Set(event.epoch),
        detail: Set(json_text(&event.detail)),
        gmt_created: Set(now()),
    };
    if leave {
        insert_statement::<e::Entity>(vec![model], &[e::Column::Subject, e::Column::EventNo], &[])
    } else {
        sea_orm::QueryTrait::into_query(e::Entity::insert(model))
    }
}

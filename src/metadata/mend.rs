//! Cells that cannot be understood: reading the row around them, and putting a good value back.

use entity::all_tables;
use sea_orm::{
    ConnectionTrait, DbBackend, QueryResult, Value,
    sea_query::{Alias, Condition, Expr, ExprTrait, Func, Query, UpdateStatement},
};
use std::collections::BTreeMap;

use super::{
    MetaError, Metadata, RowProblem, Written,
    access::cell_text,
    retry::{Twice, retry},
    row::now,
};

/// The tables whose rows have one key, `id`, and are written by the leader. With each: whether the
/// fence is the row's own epoch (else the project's).
const MENDED: &[(&str, bool)] = &[
    ("oms_project", true),
    ("oms_step", true),
    ("oms_task", true),
    ("oms_component", false),
    ("oms_om_task", true),
];

/// The columns of these tables that are numbers and can hold one that is out of range.
const NUMBERS: &[&str] = &["progress", "retry_count", "max_retry_count"];

/// A row as text, cell by cell, whatever stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRow(BTreeMap<String, Option<String>>);

impl RawRow {
    /// A cell; `None` where it is NULL or absent.
    pub fn get(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }
}

impl FromIterator<(String, Option<String>)> for RawRow {
    fn from_iter<I: IntoIterator<Item = (String, Option<String>)>>(cells: I) -> Self {
        Self(cells.into_iter().collect())
    }
}

impl Metadata {
    /// The row that a problem is about, as text; `None` when it is gone, or when its table is not one
    /// that can be mended.
    pub async fn raw_row(&self, problem: &RowProblem) -> Result<Option<RawRow>, MetaError> {
        let shape = all_tables().into_iter().find(|t| t.name == problem.table);
        let (Some(shape), Some(_)) = (shape, fence_of(problem)) else {
            return Ok(None);
        };
        let mut select = Query::select();
        select
            .from(Alias::new(problem.table))
            .and_where(Expr::col(Alias::new("id")).eq(problem.id.as_str()));
        for column in &shape.columns {
            select.column(Alias::new(column.name.as_str()));
        }
        let row = retry("read a row as text", Twice::Harmless, || {
            self.write.query_one(&select)
        })
        .await?;
        let text = |row: &QueryResult| {
            let cells = shape.columns.iter();
            cells
                .map(|column| (column.name.clone(), cell_text(row, &column.name)))
                .collect()
        };
        Ok(row.as_ref().map(text))
    }

    /// Puts a good value where nonsense stands, if that still stands there, byte by byte: a person who
    /// corrects the cell meanwhile is right. [`Written::Changed`] says so. Fenced by the leader's
    /// epoch. `None` puts back NULL.
    pub async fn put_back(
        &self,
        problem: &RowProblem,
        nonsense: &str,
        good: Option<&str>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let Some(own_epoch) = fence_of(problem) else {
            return Ok(Written::NotFound);
        };
        let strict = self.write.get_database_backend() == DbBackend::Postgres;
        let update = update(problem, nonsense, good, epoch, own_epoch, strict);
        let what = "put a value back";
        if self.execute(what, Twice::Harmless, &update).await? > 0 {
            return Ok(Written::Applied);
        }
        let Some(row) = self.raw_row(problem).await? else {
            return Ok(Written::NotFound);
        };
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
        let found = match own_epoch {
            true => number(row.get("epoch")),
            false => {
                let project = row.get("project_id").unwrap_or_default();
                let select = Query::select()
                    .column(Alias::new("epoch"))
                    .from(Alias::new("oms_project"))
                    .and_where(Expr::col(Alias::new("id")).eq(project))
                    .to_owned();
                let row = self.scalar_row(what, &select).await?;
                row.and_then(|row| row.try_get_by_index::<i64>(0).ok())
            }
        };
        Ok(match found {
            Some(found) if found > epoch => Written::Fenced { found },
            _ => Written::Changed {
                found: row.get(&problem.column).unwrap_or("NULL").to_owned(),
            },
        })
    }
}

/// Whether the fence of the problem's table is the row's own epoch; `None`: not a table to be mended.
fn fence_of(problem: &RowProblem) -> Option<bool> {
    MENDED
        .iter()
        .find(|(table, _)| *table == problem.table)
        .map(|(_, own)| *own)
}

fn update(
    problem: &RowProblem,
    nonsense: &str,
    good: Option<&str>,
    epoch: i64,
    own_epoch: bool,
    strict: bool,
) -> UpdateStatement {
    let number = NUMBERS.contains(&problem.column.as_str());
    // PostgreSQL compares a number with a text only when it is told to
    let column = || {
        let column = Expr::col(Alias::new(problem.column.as_str()));
        match number && strict {
            true => column.cast_as(Alias::new("varchar")),
            false => column,
        }
    };
    let parsed = good.and_then(|good| good.parse::<i32>().ok());
    let good = match parsed {
        Some(good) if number => Value::from(good),
        _ => Value::from(good.map(str::to_owned)),
    };
    // MySQL takes no notice of spaces at the end when it compares, hence the length
    let length = i64::try_from(nonsense.chars().count()).unwrap_or(i64::MAX);
    let unchanged = Condition::all()
        .add(column().eq(nonsense))
        .add(Expr::expr(Func::char_length(column())).eq(length));
    let fence = if own_epoch {
        Expr::col(Alias::new("epoch")).lte(epoch)
    } else {
        let ours = Query::select()
            .column(Alias::new("id"))
            .from(Alias::new("oms_project"))
            .and_where(Expr::col(Alias::new("epoch")).lte(epoch))
            .to_owned();
        Expr::col(Alias::new("project_id")).in_subquery(ours)
    };
    Query::update()
        .table(Alias::new(problem.table))
        .value(Alias::new(problem.column.as_str()), good)
        .value(Alias::new("gmt_modified"), now())
        .and_where(Expr::col(Alias::new("id")).eq(problem.id.as_str()))
        .cond_where(unchanged)
        .and_where(fence)
        .to_owned()
}

//! The few ways in which repositories touch the database: tolerant reads, compare-and-set with an
//! epoch, idempotent inserts.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait,
    FromQueryResult, Iterable, PrimaryKeyToColumn, QueryResult, QueryTrait, RuntimeErr, Select,
    SqliteTransactionMode, Statement, StatementBuilder, TransactionOptions, TransactionTrait,
    TryGetError, Value,
    sea_query::{Expr, ExprTrait, Iden, InsertStatement, OnConflict, Query, SelectStatement},
    sqlx,
};

use super::{
    MetaError, Metadata, Row, RowProblem, Written,
    retry::{Twice, retry},
};

/// A row with its meaning.
pub(super) trait FromModel: Sized {
    /// The row as text.
    type Entity: EntityTrait;

    /// Understands the row, or says which cell it does not understand.
    fn from_model(model: <Self::Entity as EntityTrait>::Model) -> Row<Self>;
}

type Column<E> = <E as EntityTrait>::Column;

/// What to write: columns and their new values.
pub(super) struct Sets<E: EntityTrait>(Vec<(Column<E>, Expr)>);

impl<E: EntityTrait> Sets<E> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Writes a value.
    pub(super) fn set(mut self, column: Column<E>, value: impl Into<Value>) -> Self {
        self.0.push((column, Expr::val(value)));
        self
    }

    /// Writes a value when there is one.
    pub(super) fn set_some(self, column: Column<E>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(column, value),
            None => self,
        }
    }
}

/// Which row may be written, and by whom.
pub(super) struct Fence<E: EntityTrait> {
    pub(super) what: &'static str,
    pub(super) key: Condition,
    pub(super) epoch_column: Column<E>,
    pub(super) epoch: i64,
    /// The state that the row must have.
    pub(super) only_if: Option<(Column<E>, String)>,
}

impl Metadata {
    /// Reads rows; each by itself, so that one that cannot be read does not hide the others.
    pub(super) async fn rows<T: FromModel>(
        &self,
        what: &'static str,
        select: Select<T::Entity>,
    ) -> Result<Vec<Row<T>>, MetaError> {
        let statement = select.into_query();
        let rows = retry(what, Twice::Harmless, || self.read.query_all(&statement)).await?;
        Ok(rows.iter().map(understand::<T>).collect())
    }

    /// Reads one row; `None` when it is not there.
    pub(super) async fn maybe<T: FromModel>(
        &self,
        what: &'static str,
        select: Select<T::Entity>,
    ) -> Result<Option<Row<T>>, MetaError> {
        Ok(self.rows::<T>(what, select).await?.into_iter().next())
    }

    /// Reads one row, which must be there and be good.
    pub(super) async fn one<T: FromModel>(
        &self,
        what: &'static str,
        select: Select<T::Entity>,
        id: &str,
    ) -> Result<T, MetaError> {
        match self.maybe::<T>(what, select).await? {
            Some(row) => Ok(row?),
            None => Err(MetaError::not_found(table::<T::Entity>(), id)),
        }
    }

    /// Reads what a statement gives, at most one row.
    pub(super) async fn scalar_row(
        &self,
        what: &'static str,
        statement: &SelectStatement,
    ) -> Result<Option<QueryResult>, MetaError> {
        retry(what, Twice::Harmless, || self.read.query_one(statement)).await
    }

    /// Executes, and tells how many rows were matched.
    pub(super) async fn execute<S: StatementBuilder>(
        &self,
        what: &'static str,
        twice: Twice,
        statement: &S,
    ) -> Result<u64, MetaError> {
        let done = retry(what, twice, || self.write.execute(statement)).await?;
        Ok(done.rows_affected())
    }

    /// A transaction that may write; under SQLite it has the write lock at once.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.write.begin_with_options(options).await
    }

    /// Executes all of these in their order, or none of them.
    pub(super) async fn execute_all(
        &self,
        what: &'static str,
        twice: Twice,
        statements: &[&dyn StatementBuilder],
    ) -> Result<(), MetaError> {
        self.transact(what, twice, None, statements).await?;
        Ok(())
    }

    /// Executes the first one and, where that matches a row, the others too: all of them, or none; tells
    /// how many rows the first one matched.
    pub(super) async fn execute_led(
        &self,
        what: &'static str,
        twice: Twice,
        first: &dyn StatementBuilder,
        others: &[&dyn StatementBuilder],
    ) -> Result<u64, MetaError> {
        self.transact(what, twice, Some(first), others).await
    }

    async fn transact(
        &self,
        what: &'static str,
        twice: Twice,
        first: Option<&dyn StatementBuilder>,
        others: &[&dyn StatementBuilder],
    ) -> Result<u64, MetaError> {
        let backend = self.write.get_database_backend();
        let first = first.map(|first| first.build(&backend));
        let others: Vec<Statement> = others.iter().map(|s| s.build(&backend)).collect();
        retry(what, twice, || async {
            let transaction = self.begin().await?;
            let mut matched = 0;
            if let Some(first) = &first {
                let done = transaction.execute_raw(first.clone()).await?;
                matched = done.rows_affected();
                if matched == 0 {
                    return Ok(0);
                }
            }
            for statement in &others {
                transaction.execute_raw(statement.clone()).await?;
            }
            transaction.commit().await?;
            Ok(matched)
        })
        .await
    }

    /// Inserts rows; those whose key is there already stay as they are.
    pub(super) async fn insert_new<E>(
        &self,
        what: &'static str,
        models: Vec<E::ActiveModel>,
        key: &[E::Column],
    ) -> Result<(), MetaError>
    where
        E: EntityTrait,
    {
        for chunk in models.chunks(CHUNK) {
            let statement = insert_statement::<E>(chunk.to_vec(), key, &[]);
            self.execute(what, Twice::Harmless, &statement).await?;
        }
        Ok(())
    }

    /// Writes one row if its epoch is not newer than ours.
    pub(super) async fn write_fenced<E: EntityTrait>(
        &self,
        fence: Fence<E>,
        sets: Sets<E>,
    ) -> Result<Written, MetaError> {
        self.write_fenced_with(fence, sets, &[]).await
    }

    /// As [`Metadata::write_fenced`], and executes the others where that writes: all of it, or nothing.
    pub(super) async fn write_fenced_with<E: EntityTrait>(
        &self,
        fence: Fence<E>,
        sets: Sets<E>,
        others: &[&dyn StatementBuilder],
    ) -> Result<Written, MetaError> {
        let (what, twice) = (fence.what, Twice::Harmless);
        // The row can change between the write that found nothing and the look at why.
        for _ in 0..5 {
            let statement = update_statement(&fence, &sets, true);
            let matched = match others {
                [] => self.execute(what, twice, &statement).await?,
                _ => self.execute_led(what, twice, &statement, others).await?,
            };
            if matched > 0 {
                return Ok(Written::Applied);
            }
            if let Some(outcome) = self.why_not(&fence).await? {
                return Ok(outcome);
            }
        }
        Err(MetaError::Conflict {
            what: format!("{}: the row changes all the time", fence.what),
        })
    }

    /// Writes several rows, each behind its own fence, all in one transaction; says of each whether
    /// it was written.
    pub(super) async fn write_fenced_all<E: EntityTrait>(
        &self,
        what: &'static str,
        writes: &[(Fence<E>, Sets<E>)],
    ) -> Result<Vec<bool>, MetaError> {
        retry(what, Twice::Harmless, || async {
            let transaction = self.begin().await?;
            let mut written = Vec::with_capacity(writes.len());
            for (fence, sets) in writes {
                let update = update_statement(fence, sets, true);
                let done = transaction.execute(&update).await?;
                written.push(done.rows_affected() > 0);
            }
            transaction.commit().await?;
            Ok(written)
        })
        .await
    }

    /// As [`Metadata::write_fenced`], for a state that only one of several may take.
    pub(super) async fn take_fenced<E: EntityTrait>(
        &self,
        fence: Fence<E>,
        sets: Sets<E>,
        free: Condition,
    ) -> Result<Written, MetaError> {
        let mut statement = update_statement(&fence, &sets, true);
        statement.cond_where(free);
        let matched = self.execute(fence.what, Twice::Harmful, &statement).await?;
        if matched > 0 {
            return Ok(Written::Applied);
        }
        Ok(self.why_not(&fence).await?.unwrap_or(Written::Changed {
            found: "taken".to_owned(),
        }))
    }

    /// Why a fenced write matched nothing; `None` when it would match now.
    async fn why_not<E: EntityTrait>(
        &self,
        fence: &Fence<E>,
    ) -> Result<Option<Written>, MetaError> {
        let mut select = Query::select();
        select
            .column(fence.epoch_column)
            .from(E::default().table_ref())
            .cond_where(fence.key.clone());
        if let Some((column, _)) = &fence.only_if {
            select.column(*column);
        }
        let row = retry(fence.what, Twice::Harmless, || {
            self.write.query_one(&select)
        })
        .await?;
        let Some(row) = row else {
            return Ok(Some(Written::NotFound));
        };
        let unreadable = |error| MetaError::from_db(fence.what, error);
        let found: i64 = row.try_get_by_index(0).map_err(unreadable)?;
        if found > fence.epoch {
            return Ok(Some(Written::Fenced { found }));
        }
        if let Some((_, expected)) = &fence.only_if {
            let found: String = row.try_get_by_index(1).map_err(unreadable)?;
            if found != *expected {
                return Ok(Some(Written::Changed { found }));
            }
        }
        Ok(None)
    }
}

/// Rows in one statement: far below every database's limit of parameters.
pub(super) const CHUNK: usize = 200;

/// The table's name.
pub(super) fn table<E: EntityTrait>() -> &'static str {
    E::default().table_name()
}

/// An insert that leaves rows that are there as they are, or overwrites `update`.
pub(super) fn insert_statement<E: EntityTrait>(
    models: Vec<E::ActiveModel>,
    key: &[E::Column],
    update: &[E::Column],
) -> InsertStatement {
    let mut conflict = OnConflict::columns(key.iter().copied());
    if update.is_empty() {
        conflict.do_nothing_on(key.iter().copied());
    } else {
        conflict.update_columns(update.iter().copied());
    }
    E::insert_many(models).on_conflict(conflict).into_query()
}

/// The update of one row behind its fence; `raise` writes the epoch too.
pub(super) fn update_statement<E: EntityTrait>(
    fence: &Fence<E>,
    sets: &Sets<E>,
    raise: bool,
) -> sea_orm::sea_query::UpdateStatement {
    let mut update = Query::update();
    update
        .table(E::default().table_ref())
        .values(sets.0.iter().cloned())
        .cond_where(fence.key.clone())
        .and_where(Expr::col(fence.epoch_column).lte(fence.epoch));
    if raise {
        update.value(fence.epoch_column, fence.epoch);
    }
    if let Some((column, expected)) = &fence.only_if {
        update.and_where(Expr::col(*column).eq(expected.as_str()));
    }
    update
}

/// `column = value`, without the table's name, as updates need it.
pub(super) fn is<C: ColumnTrait>(column: C, value: impl Into<Value>) -> Expr {
    Expr::col(column).eq(Expr::val(value))
}

/// Reads a row, and names the cell that cannot be read.
fn understand<T: FromModel>(row: &QueryResult) -> Row<T> {
    type Model<T> = <<T as FromModel>::Entity as EntityTrait>::Model;
    Model::<T>::from_query_result_nullable(row, "")
        .map_err(|error| unreadable::<T::Entity>(row, error))
        .and_then(T::from_model)
}

fn unreadable<E: EntityTrait>(row: &QueryResult, error: TryGetError) -> RowProblem {
    let id = E::PrimaryKey::iter()
        .map(|key| text_of(row, key.into_column().unquoted()))
        .collect::<Vec<_>>()
        .join("/");
    let (column, why) = match error {
        TryGetError::Null(column) => (column, "is NULL".to_owned()),
        TryGetError::DbErr(error) => (column_of(&error), format!("cannot be read: {error}")),
    };
    RowProblem {
        table: table::<E>(),
        id,
        found: text_of(row, &column).chars().take(80).collect(),
        column,
        why,
    }
}

/// A cell as text, whatever it is; `?` when even that is not possible.
fn text_of(row: &QueryResult, column: &str) -> String {
    cell_text(row, column).unwrap_or_else(|| "?".to_owned())
}

/// A cell as text, whatever it is; `None` where it is NULL or of no known type.
pub(super) fn cell_text(row: &QueryResult, column: &str) -> Option<String> {
    row.try_get::<String>("", column)
        .or_else(|_| row.try_get::<i64>("", column).map(|n| n.to_string()))
        // PostgreSQL tells numbers of 32 and 64 bits apart
        .or_else(|_| row.try_get::<i32>("", column).map(|n| n.to_string()))
        .or_else(|_| row.try_get::<f64>("", column).map(|n| n.to_string()))
        .ok()
}

/// The column that the driver names in its error.
fn column_of(error: &DbErr) -> String {
    if let DbErr::Query(RuntimeErr::SqlxError(inner)) = error
        && let sqlx::Error::ColumnDecode { index, .. } = inner.as_ref()
    {
        return index.trim_matches('"').to_owned();
    }
    "?".to_owned()
}

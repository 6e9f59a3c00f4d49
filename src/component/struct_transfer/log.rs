//! Where the outcome of every object is kept: rows of `oms_task`, seen through a small trait.

use crate::error::{Error, ErrorReport, Kind, Result};
use crate::model::table::TableName;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::fmt;

/// What is to be done for an object; its text is `oms_task.task_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskType {
    /// A database.
    CreateDatabase,
    /// A table with its primary and unique keys.
    CreateTable,
    /// A view.
    CreateView,
    /// A key that is not unique.
    CreateIndex,
    /// A foreign key.
    CreateForeignKey,
}

impl TaskType {
    /// The text in `oms_task.task_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateDatabase => "CREATE_DATABASE",
            Self::CreateTable => "CREATE_TABLE",
            Self::CreateView => "CREATE_VIEW",
            Self::CreateIndex => "CREATE_INDEX",
            Self::CreateForeignKey => "CREATE_FOREIGN_KEY",
        }
    }
}

/// One object and what is to be done for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// What is to be done.
    pub task_type: TaskType,
    /// Its name: `shop`, `shop.orders`, `shop.orders.by_day`; `oms_task.task_name`.
    pub name: String,
}

impl Object {
    /// A database.
    pub fn database(name: &str) -> Self {
        Self {
            task_type: TaskType::CreateDatabase,
            name: name.to_owned(),
        }
    }

    /// A table.
    pub fn table(name: &TableName) -> Self {
        Self {
            task_type: TaskType::CreateTable,
            name: name.to_string(),
        }
    }

    /// A view.
    pub fn view(name: &TableName) -> Self {
        Self {
            task_type: TaskType::CreateView,
            name: name.to_string(),
        }
    }

    /// A key of a table.
    pub fn index(table: &TableName, key: &str) -> Self {
        Self {
            task_type: TaskType::CreateIndex,
            name: format!("{table}.{key}"),
        }
    }

    /// A foreign key of a table.
    pub fn foreign_key(table: &TableName, key: &str) -> Self {
        Self {
            task_type: TaskType::CreateForeignKey,
            name: format!("{table}.{key}"),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.task_type {
            TaskType::CreateDatabase => "database",
            TaskType::CreateTable => "table",
            TaskType::CreateView => "view",
            TaskType::CreateIndex => "key",
            TaskType::CreateForeignKey => "foreign key",
        };
        write!(f, "{what} {}", self.name)
    }
}

/// Keeps the outcome of every object. An error of the log itself ends the work.
pub trait ObjectLog: Send + Sync {
    /// Whether a person decided to go without this object.
    fn is_skipped<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<bool>>;

    /// Whether the object was finished, by an earlier run.
    fn is_finished<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<bool>>;

    /// The object is begun; it may have been before.
    fn begin<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<()>>;

    /// The object is as it shall be. With notes it is `Completed (with conversion)`.
    fn finished<'a>(&'a self, object: &'a Object, notes: &'a [String])
    -> BoxFuture<'a, Result<()>>;

    /// The object failed and waits for a person.
    fn failed<'a>(
        &'a self,
        object: &'a Object,
        report: &'a ErrorReport,
    ) -> BoxFuture<'a, Result<()>>;
}

/// What became of an object that is done: what was noted.
pub(super) type Notes = Vec<String>;

/// Outcomes of one run: decides which errors end it, and collects the others.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Vec<(String, Kind, String)>>);

impl Failures {
    /// Writes down the outcome of an object. An error that may pass, and the end that was asked
    /// for, come back.
    pub async fn settle(
        &self,
        log: &dyn ObjectLog,
        object: &Object,
        outcome: Result<Notes>,
    ) -> Result<()> {
        match outcome {
            Ok(notes) => log.finished(object, &notes).await,
            Err(error) if ends_the_work(&error) => Err(error),
            Err(error) => {
                tracing::warn!(object = %object, error = %error, "object failed");
                log.failed(object, &error.report()).await?;
                self.0
                    .lock()
                    .push((object.to_string(), error.kind(), error.to_string()));
                Ok(())
            }
        }
    }

    /// The error that names what failed.
    pub fn into_result(self, what: &'static str) -> Result<()> {
        const NAMED: usize = 5;
        let mut failed = self.0.into_inner();
        failed.sort_by(|a, b| a.0.cmp(&b.0));
        let Some((_, kind, _)) = failed.first() else {
            return Ok(());
        };
        let mut detail: Vec<String> = failed
            .iter()
            .take(NAMED)
            .map(|(object, _, why)| format!("{object}: {why}"))
            .collect();
        if failed.len() > NAMED {
            detail.push(format!("and {} more", failed.len() - NAMED));
        }
        Err(
            Error::new(*kind, format!("{what}: {} object(s) failed", failed.len()))
                .detail(detail.join("; ")),
        )
    }
}

/// Whether an error is not the object's own.
pub(super) fn ends_the_work(error: &Error) -> bool {
    error.is_transient()
        || matches!(
            error.kind(),
            Kind::Interrupted
                | Kind::AccessDenied
                | Kind::HostUnknown
                | Kind::ReadOnly
                | Kind::Fenced
        )
}

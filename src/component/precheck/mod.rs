//! Pre-check: what must be right before anything is touched. Reads only.

use crate::component::contract::{Context, Finish, Work};
use crate::datasource::mysql::binlog::status::LogSettings;
use crate::datasource::mysql::{Endpoint, Server, Session, catalogue};
use crate::error::{Error, Kind, Result};
use crate::metadata::{Metadata, NewTask, TaskStatus, TaskUpdate};
use crate::model::filter::ObjectFilter;
use crate::model::ids::StepId;
use futures::future::BoxFuture;
use serde_json::json;
use std::sync::Arc;

/// Keeps each item's result as a row of `oms_task`.
pub struct RmPrecheck {
    metadata: Metadata,
    step: StepId,
    leader: i64,
}

impl RmPrecheck {
    /// Items of this step, written with the leader's epoch.
    pub fn new(metadata: Metadata, step: StepId, leader: i64) -> Self {
        Self {
            metadata,
            step,
            leader,
        }
    }

    async fn item(&self, name: &str, problem: Option<&str>) -> Result<()> {
        let new = NewTask {
            id: None,
            group: self.step.0.clone(),
            kind: "PRECHECK".to_owned(),
            name: name.to_owned(),
            max_retry_count: None,
            task_info: json!({}),
        };
        let task = self.metadata.tasks().upsert(new).await?;
        let status = match problem {
            None => TaskStatus::Finished,
            Some(_) => TaskStatus::Failed,
        };
        let update = TaskUpdate {
            status: Some(status),
            task_info: Some(json!({
                "status": if problem.is_none() { "PASSED" } else { "FAILED" },
                "message": problem,
            })),
            ..TaskUpdate::default()
        };
        let written = self
            .metadata
            .tasks()
            .update(&task.id, update, self.leader)
            .await?;
        Ok(written.require("oms_task", &task.id, self.leader)?)
    }
}

/// Checks a project's source and target.
pub struct PrecheckWork {
    source: Endpoint,
    target: Endpoint,
    filter: ObjectFilter,
    log: Arc<RmPrecheck>,
}

impl PrecheckWork {
    /// Checks these two for the objects that match.
    pub fn new(
        source: Endpoint,
        target: Endpoint,
        filter: ObjectFilter,
        log: Arc<RmPrecheck>,
    ) -> Self {
        Self {
            source,
            target,
            filter,
            log,
        }
    }

    async fn check(&self) -> Result<Finish> {
        let source = Server::open(&self.source).await?;
        let target = Server::open(&self.target).await?;
        let mut failed = Vec::new();
        let mut conn = source.session(Session::Plain).await?;
        let log = LogSettings::read(&mut conn, &source).await?.problem();
        self.log.item("DB_INCR_LOG", log.as_deref()).await?;
        failed.extend(log.map(|why| format!("DB_INCR_LOG: {why}")));
        let mut conn = catalogue::open(&source).await?;
        let objects = catalogue::objects(&mut conn, &self.filter).await?;
        if objects.tables.is_empty() && objects.views.is_empty() {
            return Err(Error::new(
                Kind::NothingMatches,
                format!("the tables of {}", self.source),
            )
            .detail("no table matches the include and exclude rules"));
        }
        let mut conn = catalogue::open(&target).await?;
        let mut full = Vec::new();
        for table in &objects.tables {
            if catalogue::exists(&mut conn, &table.name).await?
                && catalogue::has_rows(&mut conn, &table.name).await?
            {
                full.push(table.name.to_string());
            }
        }
        let full =
            (!full.is_empty()).then(|| format!("target tables hold rows: {}", full.join(", ")));
        self.log.item("RDB_TABLE_EMPTY", full.as_deref()).await?;
        failed.extend(full.map(|why| format!("RDB_TABLE_EMPTY: {why}")));
        if failed.is_empty() {
            return Ok(Finish::Done);
        }
        Err(Error::new(Kind::PrecheckFailed, "pre-check").detail(failed.join("\n")))
    }
}

impl Work for PrecheckWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            tokio::select! {
                () = context.cancelled() => Ok(Finish::Cancelled),
                result = self.check() => result,
            }
        })
    }
}

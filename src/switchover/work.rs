//! The work: one sub-step after the other.

use super::check::Check;
use super::reach::Reach;
use super::rm::{Asked, Rows, views};
use super::{clean, objects};
use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::component::log_source::OpenLog;
use crate::component::store::StoreHub;
use crate::datasource::mysql::readonly::{is_read_only, set_read_only};
use crate::datasource::mysql::{Endpoint, Server};
use crate::error::{Error, Kind, Result};
use crate::metadata::{Metadata, Task, TaskStatus};
use crate::model::filter::ObjectFilter;
use crate::model::ids::ProjectId;
use crate::workflow::switch::{COMPLETE_OBJECT, Hand, Part, Way, is_over, parts, turn};
use futures::future::BoxFuture;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// How often it looks whose turn it is, while it is another's.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What belongs to one direction.
#[derive(Clone)]
pub struct Side {
    /// The server whose log is followed.
    pub from: Endpoint,
    /// The log, as the direction's Store keeps it.
    pub open_log: OpenLog,
    /// The Store's subtopic.
    pub subtopic: String,
    /// The Store's folder.
    pub dir: PathBuf,
}

/// What a switchover is between.
#[derive(Clone)]
pub struct Ends {
    /// rm.
    pub metadata: Metadata,
    /// The project.
    pub project: ProjectId,
    /// Which objects.
    pub filter: ObjectFilter,
    /// The project's source.
    pub source: Endpoint,
    /// The project's target.
    pub target: Endpoint,
    /// The project verifies.
    pub verifies: bool,
}

/// The switchover of a project.
#[derive(Clone)]
pub struct AppSwitchWork {
    /// What it is between.
    pub ends: Ends,
    /// The leader's epoch.
    pub leader: i64,
    /// The step.
    pub step: String,
    /// From the source to the target.
    pub forth: Side,
    /// From the target to the source.
    pub back: Side,
    /// The Stores of this node.
    pub hub: StoreHub,
}

/// What a look at the rows says.
enum Next {
    /// A sub-step of ours.
    Do(Part, Box<Task>),
    /// It is another's turn.
    Wait,
    /// A sub-step failed, and what it said.
    Failed(Error),
    /// All is done.
    Over,
}

impl AppSwitchWork {
    pub(super) fn rows(&self) -> Rows {
        Rows {
            metadata: self.ends.metadata.clone(),
            step: self.step.clone(),
            leader: self.leader,
        }
    }

    async fn work(self, context: &Context) -> Result<Finish> {
        let rows = self.rows();
        loop {
            context.check()?;
            context.progress().beat();
            let asked = rows.asked().await?;
            match self.next(&rows, &asked, context).await? {
                Next::Over => return Ok(Finish::Done),
                Next::Failed(error) => return Err(error),
                Next::Wait => {
                    tokio::select! {
                        () = context.cancelled() => return Ok(Finish::Cancelled),
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                    }
                }
                Next::Do(part, task) => self.take_turn(part, &task, &asked, context).await?,
            }
        }
    }

    async fn next(&self, rows: &Rows, asked: &Asked, context: &Context) -> Result<Next> {
        let tasks = rows.tasks().await?;
        let all = views(&tasks);
        let wanted = parts(asked.way, &all);
        let done = |part: &&Part| is_over(&[**part], &all);
        context.progress().set_total(wanted.len() as u64);
        context
            .progress()
            .set_done(wanted.iter().filter(done).count() as u64, 0);
        if is_over(&wanted, &all) {
            return Ok(Next::Over);
        }
        let Some(view) = turn(&wanted, &all) else {
            return Ok(failed(&wanted, &tasks));
        };
        let part = view.part;
        if part.hand(asked.stop_writes) != Hand::Component {
            return Ok(Next::Wait);
        }
        match tasks.into_iter().find(|t| t.kind == part.text()) {
            Some(task) => Ok(Next::Do(part, Box::new(task))),
            None => Ok(Next::Wait),
        }
    }

    async fn take_turn(
        &self,
        part: Part,
        task: &Task,
        asked: &Asked,
        context: &Context,
    ) -> Result<()> {
        let rows = self.rows();
        if task.status != TaskStatus::Running && !rows.begin(task).await? {
            return Ok(()); // a person was quicker
        }
        let done = tokio::select! {
            () = context.cancelled() => Err(Error::new(Kind::Interrupted, "the switchover")),
            done = self.perform(part, asked, context) => done,
        };
        match done {
            Ok(()) => rows.finish(task).await,
            Err(error) if error.kind() == Kind::Interrupted => Err(error),
            Err(error) => {
                tracing::warn!(sub_step = task.kind, code = error.kind().code(), %error, "a sub-step of the switchover failed");
                rows.fail(task, &error).await?;
                Err(error)
            }
        }
    }

    async fn perform(&self, part: Part, asked: &Asked, context: &Context) -> Result<()> {
        let reach = |way| Reach::new(self, way, asked.patience);
        match part {
            Part::Precheck => Check { ends: &self.ends }.require(asked).await,
            Part::StopSourceWrites => self.make_read_only().await,
            Part::ReachStopPosition => reach(Way::Forward).reach(context).await,
            Part::ProcessObjects => {
                reach(Way::Forward).require_silence().await?;
                self.objects(context).await
            }
            Part::ReachBackPosition => reach(Way::Back).reach(context).await,
            Part::AllowSourceWrites => clean::allow_writes(&self.rows(), &self.forth.from).await,
            Part::CleanDestStore => {
                self.hub.forget_store(&self.back.subtopic);
                clean::clean_way_back(&self.ends.project, &self.forth.from, &self.back).await
            }
            _ => Ok(()),
        }
    }

    /// Makes the source read-only for everybody who has no special right, and notes it first.
    async fn make_read_only(&self) -> Result<()> {
        let server = Server::open(&self.forth.from).await?;
        let rows = self.rows();
        if is_read_only(&server).await? {
            return Ok(()); // by us before a crash, or by somebody else: then it stays so
        }
        rows.note(Part::StopSourceWrites, "madeReadOnly", true.into())
            .await?;
        set_read_only(&server, true).await.map(drop)
    }

    /// Lists what a person moves, waits for his word on each, and notes from where on DDL at the target is
    /// the application's own.
    async fn objects(&self, context: &Context) -> Result<()> {
        let rows = self.rows();
        let missing = objects::missing(&self.ends).await?;
        rows.objects(&missing).await?;
        loop {
            let tasks = rows.tasks().await?;
            let open = tasks.iter().filter(|t| {
                t.kind == COMPLETE_OBJECT
                    && !matches!(t.status, TaskStatus::Finished | TaskStatus::Skipped)
            });
            let open = open.count();
            context.progress().set_detail("objects", open);
            if open == 0 {
                break;
            }
            context.progress().beat();
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let from = super::reach::log_end_of(&self.back).await?;
        rows.note(Part::ProcessObjects, "ddlFrom", json!(from))
            .await
    }
}

/// The sub-step that failed, if one did; else it is another's turn.
fn failed(wanted: &[Part], tasks: &[Task]) -> Next {
    let of = |part: &Part| tasks.iter().find(|t| t.kind == part.text());
    let failed = wanted
        .iter()
        .filter_map(of)
        .find(|t| t.status == TaskStatus::Failed);
    let Some(task) = failed else {
        return Next::Wait;
    };
    let why = task.extra_info["errorMsg"].as_str().unwrap_or("it failed");
    Next::Failed(
        Error::new(
            Kind::SwitchFailed,
            format!("the switchover's sub-step {}", task.kind),
        )
        .detail(why),
    )
}

impl Work for AppSwitchWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move { cancelled_is_fine(self.work(&context).await) })
    }
}

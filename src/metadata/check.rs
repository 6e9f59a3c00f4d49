//! A pre-check that begins anew: what was skipped, the step, its component, the project's row and the
//! journal are written in one transaction, so that whoever dies in the midst of it leaves the last check
//! as it was, with all that it found.

use entity::{oms_component as c, oms_project as p, oms_task as t};
use sea_orm::{
    StatementBuilder,
    sea_query::{Expr, ExprTrait, Query, UpdateStatement},
};
use serde_json::Value;

use super::{
    ComponentStatus, DesiredStatus, MetaError, MetaErrorKind, NewComponent, NewEvent,
    ProjectStatus, StateText, StepUpdate, Steps, TaskStatus, Written,
    access::{insert_statement, is},
    component, event,
    row::{json_text, now},
    step,
};

/// How often the journal may have grown meanwhile.
const ATTEMPTS: u32 = 32;

/// A pre-check that begins anew.
#[derive(Clone, Debug)]
pub struct CheckAnew {
    /// The project.
    pub project: String,
    /// Its step.
    pub step: String,
    /// What is written of the step; nothing is done where it is in another state than `only_if`.
    pub update: StepUpdate,
    /// Tasks that are skipped from now on, by id; `None`: nothing is skipped any more.
    pub skip: Option<Vec<String>>,
    /// What checks. The step's other components end.
    pub component: NewComponent,
    /// The project's configuration, where it is another one from now on.
    pub config: Option<Value>,
    /// `extra_info` of the project, where it runs from now on.
    pub runs: Option<Value>,
    /// What the journal says of it; the numbers are given here.
    pub journal: Vec<NewEvent>,
}

impl Steps<'_> {
    /// Does all of it, or nothing.
    pub async fn check_anew(self, check: CheckAnew, epoch: i64) -> Result<Written, MetaError> {
        for _ in 0..ATTEMPTS {
            let mut journal = Vec::new();
            for entry in &check.journal {
                journal.push(self.0.events().next_entry(entry).await?);
            }
            let (fence, sets) = step::write_of(&check.step, check.update.clone(), epoch);
            let made = component::model(check.component.clone(), ComponentStatus::Init, None);
            let made = insert_statement::<c::Entity>(vec![made], &[c::Column::Id], &[]);
            let (tasks, others) = (tasks(&check, epoch), others(&check));
            let project = project(&check, epoch);
            let mut all: Vec<&dyn StatementBuilder> = vec![&tasks, &others, &made];
            all.extend(project.iter().map(|p| p as &dyn StatementBuilder));
            all.extend(journal.iter().map(|e| e as &dyn StatementBuilder));
            match self.0.write_fenced_with(fence, sets, &all).await {
                // somebody else took a number of the journal
                Err(error) if error.kind() == MetaErrorKind::Conflict => {}
                done => return done,
            }
        }
        Err(event::grows(&check.step))
    }
}

/// What is skipped, or is no more.
fn tasks(check: &CheckAnew, epoch: i64) -> UpdateStatement {
    let mut update = Query::update();
    update
        .table(t::Entity)
        .value(t::Column::GmtModified, now())
        .and_where(is(t::Column::TaskGroup, check.step.as_str()))
        .and_where(Expr::col(t::Column::Epoch).lte(epoch));
    match &check.skip {
        Some(ids) => update
            .value(t::Column::TaskStatus, TaskStatus::Skipped.text())
            .and_where(Expr::col(t::Column::Id).is_in(ids.iter().cloned())),
        None => update
            .value(t::Column::TaskStatus, TaskStatus::Failed.text())
            .and_where(is(t::Column::TaskStatus, TaskStatus::Skipped.text())),
    };
    update
}

/// The step's other components end.
fn others(check: &CheckAnew) -> UpdateStatement {
    Query::update()
        .table(c::Entity)
        .value(c::Column::DesiredStatus, DesiredStatus::Stopped.text())
        .value(c::Column::GmtModified, now())
        .and_where(is(c::Column::StepId, check.step.as_str()))
        .and_where(Expr::col(c::Column::Id).ne(check.component.id.as_str()))
        .to_owned()
}

/// The project's row, where something of it changes.
fn project(check: &CheckAnew, epoch: i64) -> Option<UpdateStatement> {
    if check.config.is_none() && check.runs.is_none() {
        return None;
    }
    let mut update = Query::update();
    update
        .table(p::Entity)
        .value(p::Column::GmtModified, now())
        .and_where(is(p::Column::Id, check.project.as_str()))
        .and_where(Expr::col(p::Column::Epoch).lte(epoch));
    if let Some(config) = &check.config {
        update.value(p::Column::Config, json_text(config));
    }
    if let Some(extra) = &check.runs {
        update
            .value(p::Column::ProjectStatus, ProjectStatus::Running.text())
            .value(p::Column::ExtraInfo, json_text(extra));
    }
    Some(update)
}

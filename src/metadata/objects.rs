//! What `rm` keeps of a project's tables: it goes with a table to another project, or is forgotten.

use entity::{
    oms_slice as l, oms_step as s, oms_task as t, oms_verify_diff as d, oms_verify_result as v,
};
use sea_orm::{
    EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{MetaError, Projects, StateText, Step, StepName, Task, access::is, retry::Twice};

/// The steps that keep a task for each object.
const OF_OBJECTS: [StepName; 3] = [
    StepName::StructTransfer,
    StepName::FullTransfer,
    StepName::IndexTransfer,
];

/// How the task of a table's copy is called.
const COPY: &str = "FULL_TRANSFER_TABLE";

/// Whether a task is about a table, or about a part of it.
fn is_about(task: &Task, tables: &[(String, String)]) -> bool {
    tables.iter().any(|(schema, table)| {
        let Some(rest) = task
            .name
            .strip_prefix(schema.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_prefix(table.as_str()))
        else {
            return false;
        };
        rest.is_empty() || task.kind != COPY && rest.starts_with('.')
    })
}

impl Projects<'_> {
    /// Hands what is kept of the tables of one project to another one: slices, and the tasks of the
    /// steps that have one for each object. Can be run again.
    pub async fn move_objects(
        self,
        from: &str,
        to: &str,
        tables: &[(String, String)],
    ) -> Result<(), MetaError> {
        let what = "hand tables over";
        for (schema, table) in tables {
            let slices = Query::update()
                .table(l::Entity)
                .value(l::Column::ProjectId, to)
                .and_where(is(l::Column::ProjectId, from))
                .and_where(is(l::Column::TableSchema, schema.as_str()))
                .and_where(is(l::Column::TableName, table.as_str()))
                .to_owned();
            self.0.execute(what, Twice::Harmless, &slices).await?;
        }
        let theirs = self.0.steps().list(from).await?;
        let ours = self.0.steps().list(to).await?;
        for name in OF_OBJECTS {
            let find = |steps: &[super::Row<Step>]| {
                let mut steps = steps.iter().flatten();
                steps.find(|step| step.name == name).map(|s| s.id.clone())
            };
            let (Some(from), Some(to)) = (find(&theirs), find(&ours)) else {
                continue;
            };
            for task in self.0.tasks().list(&from).await?.into_iter().flatten() {
                // one of an earlier time, when the table was in the project already
                let old = Query::delete()
                    .from_table(t::Entity)
                    .and_where(is(t::Column::TaskGroup, to.as_str()))
                    .and_where(is(t::Column::TaskType, task.kind.as_str()))
                    .and_where(is(t::Column::TaskName, task.name.as_str()))
                    .to_owned();
                self.0.execute(what, Twice::Harmless, &old).await?;
                let moved = Query::update()
                    .table(t::Entity)
                    .value(t::Column::TaskGroup, to.as_str())
                    .and_where(is(t::Column::Id, task.id.as_str()))
                    .to_owned();
                self.0.execute(what, Twice::Harmless, &moved).await?;
            }
        }
        Ok(())
    }

    /// Forgets what is kept of some tables of a project: slices, tasks, results of verifications. Can be
    /// run again.
    pub async fn forget_objects(
        self,
        project: &str,
        tables: &[(String, String)],
    ) -> Result<(), MetaError> {
        let what = "forget tables";
        for (schema, table) in tables {
            let slices = Query::delete()
                .from_table(l::Entity)
                .and_where(is(l::Column::ProjectId, project))
                .and_where(is(l::Column::TableSchema, schema.as_str()))
                .and_where(is(l::Column::TableName, table.as_str()))
                .to_owned();
            self.0.execute(what, Twice::Harmless, &slices).await?;
            let diffs = Query::delete()
                .from_table(d::Entity)
                .and_where(is(d::Column::ProjectId, project))
                .and_where(is(d::Column::SourceSchema, schema.as_str()))
                .and_where(is(d::Column::SourceTable, table.as_str()))
                .to_owned();
            self.0.execute(what, Twice::Harmless, &diffs).await?;
            let results = Query::delete()
                .from_table(v::Entity)
                .and_where(is(v::Column::ProjectId, project))
                .and_where(is(v::Column::SourceSchema, schema.as_str()))
                .and_where(is(v::Column::SourceTable, table.as_str()))
                .to_owned();
            self.0.execute(what, Twice::Harmless, &results).await?;
        }
        let steps = s::Entity::find()
            .filter(is(s::Column::ProjectId, project))
            .filter(Expr::col(s::Column::StepName).is_in(OF_OBJECTS.map(|name| name.text())));
        let steps = self.0.rows::<Step>(what, steps).await?;
        for step in steps.into_iter().flatten() {
            let tasks = self.0.tasks().list(&step.id).await?;
            let tasks = tasks.into_iter().flatten();
            for task in tasks.filter(|task| is_about(task, tables)) {
                let gone = Query::delete()
                    .from_table(t::Entity)
                    .and_where(is(t::Column::Id, task.id.as_str()))
                    .to_owned();
                self.0.execute(what, Twice::Harmless, &gone).await?;
            }
        }
        Ok(())
    }
}

//! Deletes what hangs on a project that is at its end.

use entity::{
    oms_component as c, oms_event as e, oms_metric as x, oms_om_task as o, oms_project as p,
    oms_project_label as m, oms_project_modify_record as r, oms_slice as l, oms_step as s,
    oms_task as t, oms_verify_diff as d, oms_verify_result as v,
};
use sea_orm::{
    Condition, EntityTrait, StatementBuilder,
    sea_query::{DeleteStatement, Expr, ExprTrait, Query},
};

use super::{
    MetaError, ProjectStatus, Projects, StateText, Written,
    access::{Fence, Sets, is},
    retry::Twice,
    row::now,
};

impl Projects<'_> {
    /// Deletes the steps, tasks, O&M tasks, components, slices, results and journal of a project; its own row
    /// stays. Can be run again.
    pub async fn purge(self, id: &str) -> Result<(), MetaError> {
        for delete in deletes(id) {
            self.0
                .execute("delete what hangs on a project", Twice::Harmless, &delete)
                .await?;
        }
        Ok(())
    }

    /// Deletes a project, whose row stays as `DELETED`, and what hangs on it: all of it, or nothing.
    pub async fn delete(self, id: &str, epoch: i64) -> Result<Written, MetaError> {
        let fence = Fence {
            what: "delete a project",
            key: Condition::all().add(is(p::Column::Id, id)),
            epoch_column: p::Column::Epoch,
            epoch,
            only_if: None,
        };
        let sets = Sets::<p::Entity>::new()
            .set(p::Column::ProjectStatus, ProjectStatus::Deleted.text())
            .set(p::Column::GmtModified, now());
        let deletes = deletes(id);
        let deletes: Vec<&dyn StatementBuilder> =
            deletes.iter().map(|d| d as &dyn StatementBuilder).collect();
        self.0.write_fenced_with(fence, sets, &deletes).await
    }
}

fn deletes(id: &str) -> Vec<DeleteStatement> {
    let steps = Query::select()
        .column(s::Column::Id)
        .from(s::Entity)
        .and_where(is(s::Column::ProjectId, id))
        .to_owned();
    let om_tasks = Query::select()
        .column(o::Column::Id)
        .from(o::Entity)
        .and_where(is(o::Column::ProjectId, id))
        .to_owned();
    let tasks = |groups| {
        Query::delete()
            .from_table(t::Entity)
            .and_where(Expr::col(t::Column::TaskGroup).in_subquery(groups))
            .to_owned()
    };
    vec![
        tasks(steps),
        tasks(om_tasks),
        of(o::Entity, o::Column::ProjectId, id),
        of(c::Entity, c::Column::ProjectId, id),
        of(l::Entity, l::Column::ProjectId, id),
        of(v::Entity, v::Column::ProjectId, id),
        of(d::Entity, d::Column::ProjectId, id),
        of(e::Entity, e::Column::ProjectId, id),
        of(x::Entity, x::Column::ProjectId, id),
        of(m::Entity, m::Column::ProjectId, id),
        of(r::Entity, r::Column::ProjectId, id),
        // the steps last: without them their tasks could not be found
        of(s::Entity, s::Column::ProjectId, id),
    ]
}

fn of<E: EntityTrait>(table: E, column: E::Column, project: &str) -> DeleteStatement {
    Query::delete()
        .from_table(table)
        .and_where(is(column, project))
        .to_owned()
}

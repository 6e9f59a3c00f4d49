//! Deletes what hangs on a project that is at its end.

use entity::{
    oms_component as c, oms_event as e, oms_metric as x, oms_om_task as o, oms_project_label as m,
    oms_project_modify_record as r, oms_slice as l, oms_step as s, oms_task as t,
    oms_verify_diff as d, oms_verify_result as v,
};
use sea_orm::{
    EntityTrait,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{MetaError, Projects, access::is, retry::Twice};

impl Projects<'_> {
    /// Deletes the steps, tasks, O&M tasks, components, slices, results and journal of a project; its own row
    /// stays. Can be run again.
    pub async fn purge(self, id: &str) -> Result<(), MetaError> {
        let what = "delete what hangs on a project";
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
        for groups in [steps, om_tasks] {
            let tasks = Query::delete()
                .from_table(t::Entity)
                .and_where(Expr::col(t::Column::TaskGroup).in_subquery(groups))
                .to_owned();
            self.0.execute(what, Twice::Harmless, &tasks).await?;
        }
        self.purge_table(o::Entity, o::Column::ProjectId, id)
            .await?;
        self.purge_table(c::Entity, c::Column::ProjectId, id)
            .await?;
        self.purge_table(l::Entity, l::Column::ProjectId, id)
            .await?;
        self.purge_table(v::Entity, v::Column::ProjectId, id)
            .await?;
        self.purge_table(d::Entity, d::Column::ProjectId, id)
            .await?;
        self.purge_table(e::Entity, e::Column::ProjectId, id)
            .await?;
        self.purge_table(x::Entity, x::Column::ProjectId, id)
            .await?;
        self.purge_table(m::Entity, m::Column::ProjectId, id)
            .await?;
        self.purge_table(r::Entity, r::Column::ProjectId, id)
            .await?;
        // the steps last: without them their tasks could not be found
        self.purge_table(s::Entity, s::Column::ProjectId, id).await
    }

    async fn purge_table<E: EntityTrait>(
        self,
        table: E,
        column: E::Column,
        project: &str,
    ) -> Result<(), MetaError> {
        let delete = Query::delete()
            .from_table(table)
            .and_where(is(column, project))
            .to_owned();
        self.0
            .execute("delete what hangs on a project", Twice::Harmless, &delete)
            .await
            .map(drop)
    }
}

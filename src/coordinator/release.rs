//! The release of a project: begins it, makes the component that does it, and tells why it failed.

use super::act::{Reconciler, failure_of};
use super::known::COMPONENT_MADE;
use super::view::Rows;
use crate::error::Result;
use crate::metadata::{ComponentStatus, ComponentType, DesiredStatus, NewComponent, ProjectStatus};
use serde_json::json;

impl Reconciler {
    /// Begins the release of a project, or tries one again that failed. `force`: what is on a server
    /// that cannot be reached stays there.
    pub async fn release(&self, project: &str, force: bool) -> Result<()> {
        let _one = self.one.lock().await;
        self.begin_release(project, force).await
    }

    /// The same, by whoever decides already.
    pub(super) async fn begin_release(&self, project: &str, force: bool) -> Result<()> {
        let rows = self.rows(project).await?;
        let extra = json!({ "force": force });
        self.project_status(project, ProjectStatus::Releasing, Some(extra))
            .await?;
        let Some(component) = rows.release() else {
            return Ok(());
        };
        if component.status == ComponentStatus::Exception {
            let written = self
                .metadata
                .components()
                .set_config(&component.id, &json!({ "force": force }), self.epoch)
                .await?;
            written.require("oms_component", &component.id, self.epoch)?;
            self.reset_component(&rows, &component.id).await?;
        }
        Ok(())
    }

    /// On the node that has the Store's data.
    pub(super) async fn make_release(&self, rows: &Rows) -> Result<()> {
        let kind = ComponentType::Release;
        let mut newest = rows.components.iter().rev();
        let store = newest.find(|c| c.kind == ComponentType::Store);
        let force = rows.project.extra_info.get("force") == Some(&true.into());
        let id = self.new_component_id(rows, kind, false).await?;
        let new = NewComponent {
            id: id.clone(),
            project_id: rows.project.id.clone(),
            step_id: String::new(),
            kind,
            desired_status: DesiredStatus::Running,
            node: store.map_or_else(|| self.node.clone(), |store| store.node.clone()),
            config: json!({ "force": force }),
            checkpoint: json!({}),
        };
        self.metadata.components().create(new).await?;
        let detail = json!({ "type": kind });
        self.record(&rows.project.id, &id, COMPONENT_MADE, detail)
            .await
    }

    /// Says on the project's row why its release does not go on.
    pub(super) async fn explain_release(&self, rows: &Rows, component: &str) -> Result<()> {
        let failed = rows.components.iter().find(|c| c.id == component);
        let mut extra = failure_of(failed);
        extra["remedy"] =
            "ReleaseProject tries it again; with force, what is on a server that cannot be \
            reached stays there."
                .into();
        self.project_status(&rows.project.id, rows.project.status, Some(extra))
            .await
    }
}

//! What people change of a project's row: its name, its settings, how loud it is.

use super::act::Reconciler;
use crate::error::Result;
use crate::metadata::{AlarmLevel, NewModifyRecord, Project, ProjectStatus};
use crate::model::project::ProjectConfig;
use crate::workflow::plan;
use serde_json::Value;

impl Reconciler {
    /// Changes a project's objects and options. What they are is read here: an answer that was read
    /// before may be older than what a change of objects has written.
    pub async fn configure(
        &self,
        project: &str,
        change: impl FnOnce(&mut ProjectConfig) -> Result<()> + Send,
    ) -> Result<()> {
        let _one = self.one.lock().await;
        let found = self.metadata.projects().get(project).await?;
        let mut config = ProjectConfig::from_json(&found.config)?;
        change(&mut config)?;
        self.write_config(project, &config.to_json()).await
    }

    /// Changes the objects of a project that was not started yet: the change and its record are made
    /// both, or neither.
    pub async fn change_at_once(
        &self,
        record: NewModifyRecord,
        change: impl FnOnce(&ProjectConfig) -> ProjectConfig + Send,
    ) -> Result<()> {
        let _one = self.one.lock().await;
        let project = record.project_id.clone();
        let found = self.metadata.projects().get(&project).await?;
        let config = change(&ProjectConfig::from_json(&found.config)?).to_json();
        self.forget_checked(&found, &config).await?;
        let records = self.metadata.modify_records();
        let written = records.create_done(record, &config, self.epoch).await?;
        Ok(written.require("oms_project", &project, self.epoch)?)
    }

    /// Writes it. What was checked of a project that is not started yet, and is another one now,
    /// counts no more.
    pub(super) async fn write_config(&self, project: &str, config: &Value) -> Result<()> {
        let projects = self.metadata.projects();
        let before = projects.get(project).await?;
        self.forget_checked(&before, config).await?;
        let written = projects.set_config(project, config, self.epoch).await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }

    async fn forget_checked(&self, before: &Project, config: &Value) -> Result<()> {
        let others = before.config.get("filter") != config.get("filter");
        if before.status == ProjectStatus::Init && others {
            self.decide(&before.id, plan::forget_check).await?;
        }
        Ok(())
    }

    /// Gives a project another name.
    pub async fn rename(&self, project: &str, name: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let projects = self.metadata.projects();
        let written = projects.rename(project, name, self.epoch).await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }

    /// Sets how loud a project's alerts are.
    pub async fn set_alarm_level(&self, project: &str, level: AlarmLevel) -> Result<()> {
        let _one = self.one.lock().await;
        let projects = self.metadata.projects();
        let written = projects.set_alarm_level(project, level, self.epoch).await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }
}

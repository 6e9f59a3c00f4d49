//! Makes components, and tells them what to do.

use super::act::Reconciler;
use super::known::COMPONENT_MADE;
use super::room::report;
use super::view::{Rows, STORE};
use crate::error::Result;
use crate::metadata::{
    Component, ComponentStatus, ComponentType, DesiredStatus, NewComponent, Report, StepName,
    StepUpdate,
};
use crate::model::project::{ProjectConfig, reverse_subtopic_of, subtopic_of};
use serde_json::{Map, Value, json};

impl Reconciler {
    /// First the journal, then the name in `step_info`, then the row: a crash in front of the row
    /// leaves a name without one, and the row is made with this name at the next look.
    pub(super) async fn make_component(
        &self,
        rows: &Rows,
        step: &str,
        kind: ComponentType,
    ) -> Result<()> {
        // read again: an action before this one may have changed the step
        let step = self.metadata.steps().get(step).await?;
        let of_step = |c: &&Component| c.step_id == step.id && c.kind == kind;
        for other in rows.components.iter().filter(of_step) {
            if other.desired_status != DesiredStatus::Stopped {
                self.set_desired(&other.id, DesiredStatus::Stopped).await?;
            }
        }
        let goes_back = step.name == StepName::ReverseIncrTransfer;
        let key = match goes_back && kind == ComponentType::Store {
            true => STORE,
            false => "component",
        };
        let named = step.step_info.get(key).and_then(Value::as_str);
        let has = |id: &str| rows.components.iter().any(|c| c.id == id);
        let id = match named {
            Some(id) if !has(id) => id.to_owned(),
            _ => self.new_component_id(rows, kind, goes_back).await?,
        };
        let mut info = match &step.step_info {
            Value::Object(map) => map.clone(),
            _ => Map::new(),
        };
        let mut config = json!({});
        if kind == ComponentType::FullVerification {
            let sub_id = self.next_sub_id(rows).await?;
            info.insert("subId".to_owned(), sub_id.into());
            config = json!({ "subId": sub_id });
        }
        info.insert(key.to_owned(), id.clone().into());
        let made = json!({ "type": kind, "step": step.id, "info": info });
        self.record(&rows.project.id, &id, COMPONENT_MADE, made)
            .await?;
        self.update_step(
            &step.id,
            StepUpdate {
                step_info: Some(info.into()),
                ..StepUpdate::default()
            },
        )
        .await?;
        let new = NewComponent {
            id: id.clone(),
            project_id: rows.project.id.clone(),
            step_id: step.id.clone(),
            kind,
            desired_status: DesiredStatus::Running,
            node: self.node.clone(),
            config,
            checkpoint: json!({}),
        };
        let components = self.metadata.components();
        match self.no_room(&self.node, kind).await? {
            None => components.create(new).await?,
            // the step fails of it, and can be tried again
            Some(error) => components.create_failed(new, &report(&error)).await?,
        };
        Ok(())
    }

    async fn next_sub_id(&self, rows: &Rows) -> Result<i32> {
        let of_components = rows.components.iter().map(|c| &c.config);
        let of_steps = rows.steps.iter().map(|s| &s.step_info);
        let told = of_components.chain(of_steps);
        let last = told
            .filter_map(|info| info.get("subId").and_then(Value::as_i64))
            .max()
            .unwrap_or(0);
        // a run whose component was deleted has left its results
        let left = self.metadata.verify().last_sub_id(&rows.project.id).await?;
        let last = last.max(left.unwrap_or(0).into());
        Ok(i32::try_from(last).unwrap_or(i32::MAX).saturating_add(1))
    }

    /// Names as OMS gives them: `<ip>-<port>:<what>:<10 digits>`.
    pub(super) async fn new_component_id(
        &self,
        rows: &Rows,
        kind: ComponentType,
        goes_back: bool,
    ) -> Result<String> {
        let sequence = self.metadata.components().next_sequence().await?;
        let project = &rows.project.id;
        let what = match kind {
            ComponentType::Store if goes_back => {
                format!(
                    "7100:{}",
                    reverse_subtopic_of(project, &rows.project.target_id)
                )
            }
            ComponentType::IncrSync if goes_back => {
                format!("9000:connector_v2:{project}-reverse_incr_trans-1-0")
            }
            ComponentType::AppSwitch => format!("9000:switch:{project}"),
            ComponentType::Store => format!("7100:{}", subtopic(rows)),
            ComponentType::FullImport => format!("9000:connector_v2:{project}-full_trans-1-0"),
            ComponentType::IncrSync => format!("9000:connector_v2:{project}-incr_trans-1-0"),
            ComponentType::FullVerification => format!("9000:verifier:{project}"),
            ComponentType::IncrVerification => format!("9000:verifier:{project}-incr"),
            ComponentType::Release => format!("9000:release:{project}"),
            ComponentType::Precheck => format!("9000:precheck:{project}"),
            ComponentType::StructTransfer => format!("9000:dbcat:{project}-struct"),
            ComponentType::IndexTransfer => format!("9000:dbcat:{project}-index"),
        };
        Ok(format!("{}-{what}:{sequence:010}", self.node))
    }

    pub(super) async fn set_desired(&self, component: &str, desired: DesiredStatus) -> Result<()> {
        let written = self
            .metadata
            .components()
            .set_desired(component, desired, self.epoch)
            .await?;
        Ok(written.require("oms_component", component, self.epoch)?)
    }

    pub(super) async fn reset_component(&self, rows: &Rows, component: &str) -> Result<()> {
        let Some(row) = rows.components.iter().find(|c| c.id == component) else {
            return Ok(());
        };
        let no_room = match row.status {
            // it gave its place up when it failed
            ComponentStatus::Exception => self.no_room(&row.node, row.kind).await?,
            _ => None,
        };
        let report = match no_room {
            None => {
                self.hold(row, None).await?;
                self.set_desired(component, DesiredStatus::Running).await?;
                Report {
                    status: Some(ComponentStatus::Init),
                    attempt: Some(0),
                    error: Some(None),
                    ..Report::default()
                }
            }
            Some(error) => Report {
                error: Some(Some(report(&error))),
                ..Report::default()
            },
        };
        let written = self
            .metadata
            .components()
            .report(component, row.epoch, report)
            .await?;
        Ok(written.require("oms_component", component, row.epoch)?)
    }
}

fn subtopic(rows: &Rows) -> String {
    let (project, source) = (&rows.project.id, &rows.project.source_id);
    match ProjectConfig::from_json(&rows.project.config) {
        Ok(config) => config.store_place(project, source).subtopic,
        Err(_) => subtopic_of(project, source),
    }
}

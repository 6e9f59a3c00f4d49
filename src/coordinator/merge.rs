//! What is done to change a project's objects: each step is written so that it can be done again, and a
//! crash between two writes of one is mended by the next look.
//!
//! The one write that makes the added tables the parent's is that of its configuration, in
//! [`Reconciler::switch`]: their names, the place where its Incr-Sync begins with them, the Store that
//! has kept their changes, and the end of the wait stand in one row.

use super::act::{Reconciler, failure_of};
use super::modify::{Scene, incr_of, millis};
use super::steps::make_steps;
use super::view::{HELD, Rows};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    ComponentStatus, DesiredStatus, ModifyStatus, ModifyType, ModifyUpdate, NewProject, Project,
    ProjectStatus, StepName, StepStatus,
};
use crate::model::filter::ObjectFilter;
use crate::model::objects::{Hold, Joins, Modified, StorePlace};
use crate::model::project::{ProjectConfig, Stages, WayBack, subtopic_of};
use crate::workflow::modify::Next;
use crate::workflow::plan::is_running;
use crate::workflow::transition::StepEvent;
use serde_json::{Value, json};

/// After an attempt to merge that was given up, the next one waits so long, milliseconds.
const REST: i64 = 10_000;

impl Reconciler {
    pub(super) async fn act_on(&self, scene: &Scene, next: Next) -> Result<()> {
        let parent = &scene.parent;
        let child = scene.child.as_ref();
        match next {
            Next::Begin => self.to(scene, ModifyStatus::Modifying).await,
            Next::MakeChild => self.make_child(scene).await,
            Next::PauseChild => {
                let why = json!({ "suspended": "with the project that its tables go to" });
                let child = required(child)?;
                self.project_status(&child.project.id, ProjectStatus::Suspend, Some(why))
                    .await
            }
            Next::ResumeChild => {
                let child = required(child)?;
                self.let_go_on(&child.project.id).await.map(drop)
            }
            Next::Merge => self.begin_merge(scene).await,
            Next::HoldParent => self.set_hold(parent, Some(scene.hold())).await,
            Next::HoldBoth => {
                self.set_hold(parent, Some(scene.hold())).await?;
                self.set_hold(required(child)?, Some(scene.hold())).await
            }
            Next::HoldChild => self.set_hold(required(child)?, Some(scene.hold())).await,
            Next::ReleaseParent => self.set_hold(parent, None).await,
            Next::ReleaseChild => self.set_hold(required(child)?, None).await,
            Next::Drain => {
                let told = json!({ "drain": scene.drain() });
                self.set_last_run(required(child)?, &told).await
            }
            Next::Undrain => self.set_last_run(required(child)?, &json!({})).await,
            Next::Switch => self.switch(scene).await,
            Next::Remove => self.remove(scene).await,
            Next::Revoke => self.revoke(scene).await,
            Next::Conclude => self.conclude(scene).await,
            Next::Fail => self.fail(scene).await,
            Next::Terminate => self.terminate(scene).await,
        }
    }

    async fn to(&self, scene: &Scene, status: ModifyStatus) -> Result<()> {
        let update = ModifyUpdate {
            status: Some(status),
            ..ModifyUpdate::default()
        };
        self.set_record(scene, update).await
    }

    /// Writes a project's configuration, the journal first.
    pub(super) async fn set_config(&self, project: &Project, config: &ProjectConfig) -> Result<()> {
        let config = config.to_json();
        self.record_config(project, &config).await?;
        let projects = self.metadata.projects();
        let written = projects
            .set_config(&project.id, &config, self.epoch)
            .await?;
        Ok(written.require("oms_project", &project.id, self.epoch)?)
    }

    /// Lets a project's components wait, or go on.
    async fn set_hold(&self, rows: &Rows, hold: Option<Hold>) -> Result<()> {
        if hold.is_none() {
            self.wake(rows).await?;
        }
        let mut config = ProjectConfig::from_json(&rows.project.config)?;
        config.modified.hold = hold;
        self.set_config(&rows.project, &config).await
    }

    /// A failed project's components go on beside the step that failed, and nobody else wakes them.
    async fn wake(&self, rows: &Rows) -> Result<()> {
        if rows.project.status != ProjectStatus::Failed {
            return Ok(());
        }
        for step in &rows.steps {
            if let Some(component) = rows.component_of(step)
                && component.desired_status == DesiredStatus::Paused
                && component.status == ComponentStatus::Paused
                && component.config.get(HELD).is_none()
                && step.status != StepStatus::Suspend
            {
                self.set_desired(&component.id, DesiredStatus::Running)
                    .await?;
            }
        }
        Ok(())
    }

    /// The sub-project: its parent's settings, and the new tables only. Its Store keeps the parent's
    /// tables too: it is the parent's after the merge.
    async fn make_child(&self, scene: &Scene) -> Result<()> {
        let record = &scene.record;
        let id = record.sub_project_id.as_ref().ok_or_else(|| {
            Error::new(Kind::RmCorrupt, format!("change of objects {}", record.id))
                .detail("sub_project_id is NULL")
        })?;
        let project = &scene.parent.project;
        if scene.child.is_none() {
            let config = child_config(scene, id);
            let new = NewProject {
                id: id.clone(),
                name: format!("{}+{}", project.id, record.id),
                kind: project.kind,
                source_id: project.source_id.clone(),
                target_id: project.target_id.clone(),
                config: config.to_json(),
                alarm_level: project.alarm_level,
            };
            self.metadata.projects().create_child(new, project).await?;
        }
        let child = self.metadata.projects().get(id).await?;
        let config = ProjectConfig::from_json(&child.config)?;
        make_steps(&self.metadata, id, &config).await?;
        if child.status == ProjectStatus::Init {
            self.claim(id).await?;
            self.let_go_on(id).await?;
        }
        self.to(scene, ModifyStatus::Running).await
    }

    /// A new attempt: whatever an earlier one reached says nothing about it.
    async fn begin_merge(&self, scene: &Scene) -> Result<()> {
        let project = &scene.parent.project;
        let store = scene.config.store_place(&project.id, &project.source_id);
        let info = json!({ "attempt": scene.attempt() + 1, "since": millis(), "store": store });
        let update = ModifyUpdate {
            status: Some(ModifyStatus::Merging),
            info: Some(info),
            ..ModifyUpdate::default()
        };
        self.set_record(scene, update).await
    }

    /// Tells the sub-project's Incr-Sync what its next run is, and lets it go on.
    async fn set_last_run(&self, child: &Rows, config: &Value) -> Result<()> {
        let incr = incr_of(child).ok_or_else(|| {
            Error::new(Kind::RmCorrupt, format!("project {}", child.project.id))
                .detail("its Incr-Sync has no row")
        })?;
        let components = self.metadata.components();
        let written = components.set_config(&incr.id, config, self.epoch).await?;
        written.require("oms_component", &incr.id, self.epoch)?;
        // with the configuration that it has now
        let now = self.rows(&child.project.id).await?;
        self.reset_component(&now, &incr.id).await?;
        self.set_hold(child, None).await
    }

    /// The parent has the tables, in one write.
    async fn switch(&self, scene: &Scene) -> Result<()> {
        let child = required(scene.child.as_ref())?;
        let tables = scene.tables();
        let brought = ProjectConfig::from_json(&child.project.config)?.filter;
        if let Some(table) = tables.iter().find(|table| !brought.matches(table)) {
            return Err(Error::new(Kind::Internal, "merging a project")
                .detail(format!("its sub-project has left {table} out")));
        }
        let (store, start) = match scene.follows() {
            false => (None, None),
            true => {
                let drained = scene.drained().ok_or_else(|| {
                    Error::new(Kind::Internal, "merging a project")
                        .detail("the sub-project's last run is not done")
                })?;
                let config = ProjectConfig::from_json(&child.project.config)?;
                let store = config.store_place(&child.project.id, &child.project.source_id);
                (Some(store), Some(drained.position))
            }
        };
        let (from, to) = (&child.project.id, &scene.parent.project.id);
        let projects = self.metadata.projects();
        projects
            .move_objects(from, to, &scene.record.tables)
            .await?;
        self.verify_anew(&scene.parent).await?;
        let config = scene.config.with_tables(&tables, store, start.as_ref());
        self.set_config(&scene.parent.project, &config).await?;
        tracing::info!(project_id = %to, tables = tables.len(), position = ?start.map(|p| p.to_string()), "the added tables are the project's");
        Ok(())
    }

    /// A verification that was done, or that runs, knows nothing of the tables that came.
    async fn verify_anew(&self, rows: &Rows) -> Result<()> {
        let verified = rows.steps.iter().find(|step| {
            let began = [
                StepStatus::Running,
                StepStatus::Finished,
                StepStatus::Suspend,
            ];
            step.name == StepName::FullVerifier && began.contains(&step.status)
        });
        match verified {
            Some(step) => self.step_event(rows, &step.id, StepEvent::Anew, None).await,
            None => Ok(()),
        }
    }

    /// The tables are the parent's no more: what is kept of them first, which nobody works on now.
    async fn remove(&self, scene: &Scene) -> Result<()> {
        let project = &scene.parent.project;
        let tables = scene.tables();
        self.metadata
            .projects()
            .forget_objects(&project.id, &scene.record.tables)
            .await?;
        self.wake(&scene.parent).await?;
        let store = scene.config.store_place(&project.id, &project.source_id);
        let config = scene.config.without_tables(&tables, store);
        self.set_config(project, &config).await?;
        tracing::info!(project_id = %project.id, tables = tables.len(), "the removed tables are the project's no more");
        Ok(())
    }

    /// The parent goes on with the tables that it has; the sub-project is put right by the next looks.
    async fn revoke(&self, scene: &Scene) -> Result<()> {
        if scene.parent.hold().is_some() {
            self.set_hold(&scene.parent, None).await?;
        }
        let mut info = scene.record.info.clone();
        info["notBefore"] = (millis() + REST).into();
        let update = ModifyUpdate {
            status: Some(ModifyStatus::Running),
            info: Some(info),
            ..ModifyUpdate::default()
        };
        self.set_record(scene, update).await
    }

    async fn conclude(&self, scene: &Scene) -> Result<()> {
        if scene.record.kind == ModifyType::IncreaseObject
            && let Some(child) = &scene.child
            && !is_released(child)
        {
            if scene.follows() {
                self.hand_back_store(scene, child).await?;
            }
            self.begin_release(&child.project.id, false).await?;
        }
        self.show_as(scene, ProjectStatus::Running).await?;
        self.to(scene, ModifyStatus::Success).await
    }

    /// The parent's old Store is the sub-project's now, and goes with it.
    async fn hand_back_store(&self, scene: &Scene, child: &Rows) -> Result<()> {
        let store = scene.record.info.get("store").cloned().unwrap_or_default();
        let store: StorePlace = serde_json::from_value(store).map_err(|e| {
            let record = format!("record_info of change of objects {}", scene.record.id);
            Error::new(Kind::RmCorrupt, record).caused_by(e)
        })?;
        let mut config = ProjectConfig::from_json(&child.project.config)?;
        if config.modified.store.as_ref() == Some(&store) {
            return Ok(());
        }
        config.modified.store = Some(store);
        self.set_config(&child.project, &config).await
    }

    async fn fail(&self, scene: &Scene) -> Result<()> {
        let said = match &scene.child {
            Some(child) => child.project.extra_info.clone(),
            None => json!({
                "errorCode": Kind::StateInvalid.code(),
                "errorMsg": format!("the project is {}", scene.parent.project.status),
                "proposal": "Nothing to do: its objects are not moved any more.",
            }),
        };
        let extra = match said.get("errorCode") {
            Some(_) => said,
            None => failure_of(None),
        };
        let update = ModifyUpdate {
            status: Some(ModifyStatus::Failed),
            extra_info: Some(extra),
            ..ModifyUpdate::default()
        };
        self.set_record(scene, update).await
    }

    /// The tables do not come: the sub-project is released, and the parent is as it was.
    pub(super) async fn terminate(&self, scene: &Scene) -> Result<()> {
        let parent = &scene.parent;
        if let Some(child) = &scene.child
            && !is_released(child)
        {
            self.begin_release(&child.project.id, false).await?;
        }
        // an attempt to merge may have handed over what is kept of them
        self.metadata
            .projects()
            .forget_objects(&parent.project.id, &scene.record.tables)
            .await?;
        if parent.hold().is_some() {
            self.set_hold(parent, None).await?;
        }
        if is_running(parent.project.status) {
            self.show_as(scene, ProjectStatus::Running).await?;
        }
        self.to(scene, ModifyStatus::Terminated).await
    }
}

fn required(child: Option<&Rows>) -> Result<&Rows> {
    child.ok_or_else(|| {
        Error::new(Kind::Internal, "changing objects").detail("there is no sub-project")
    })
}

fn is_released(child: &Rows) -> bool {
    matches!(
        child.project.status,
        ProjectStatus::Releasing | ProjectStatus::Released | ProjectStatus::Deleted
    )
}

fn child_config(scene: &Scene, id: &str) -> ProjectConfig {
    let parent = &scene.parent.project;
    let tables: Vec<String> = scene.tables().iter().map(ToString::to_string).collect();
    let mut all = scene.config.filter.clone();
    all.include.extend(tables.iter().cloned());
    let mut options = scene.config.options.clone();
    options.incr_verification.enabled = false;
    ProjectConfig {
        filter: ObjectFilter {
            include: tables,
            exclude: Vec::new(),
        },
        options,
        data_dir: scene.config.data_dir.clone(),
        stages: Stages {
            full_verify: false,
            way_back: WayBack::None,
            ..scene.config.stages
        },
        reverse_incr_sync: None,
        modified: Modified {
            store: scene.follows().then(|| StorePlace {
                subtopic: subtopic_of(id, &parent.source_id),
                filter: all,
            }),
            joins: Some(Joins {
                project: parent.id.clone(),
                record: scene.record.id.clone(),
            }),
            ..Modified::default()
        },
    }
}

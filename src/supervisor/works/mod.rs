//! From a component's row to its work: reads what the component needs from `rm` and hands it the
//! parts that it is made of.

mod back;
mod check;
mod drain;
mod follow;
mod keep;
mod later;
mod release;
mod roles;
mod tables;
mod tuned;

pub use check::AppliedRows;

use super::node::Maker;
use crate::actor::shell::WorkFactory;
use crate::actor::work::{Assignment, Work};
use crate::component::full_import::{FullImportWork, LaterColumns, RmSlices};
use crate::component::full_verification::{FullVerificationWork, RmProgressed, RmVerifyLog};
use crate::component::log_source::{AskEnd, LogSource, OpenLog};
use crate::component::precheck::{PrecheckWork, RmPrecheck, Scope};
use crate::component::share::Shares;
use crate::component::store::{StoreHub, StoreWork, end_of_log};
use crate::component::struct_transfer::{IndexTransfer, RmObjects, StructTransfer};
use crate::component::throttle::Throttle;
use crate::config::secret_store::SecretStore;
use crate::config::stored::Stored;
use crate::datasource::mysql::Endpoint;
use crate::error::Result;
use crate::metadata::{Component, ComponentType, DataSource, Metadata, StepName, StepStatus};
use crate::model::objects::{Drain, StorePlace};
use crate::model::params::SkippableFlags;
use crate::model::position::Position;
use crate::model::project::ProjectConfig;
use futures::future::BoxFuture;
use later::StoreColumns;
use roles::{InItsRole, switchover};
use std::path::PathBuf;
use std::sync::Arc;
use tables::SourceTables;

/// Makes the works of all kinds of components of this node.
pub struct Works {
    metadata: Metadata,
    secrets: SecretStore,
    /// The leader's epoch, with which steps and tasks are written.
    leader: i64,
    hub: StoreHub,
    shares: Shares,
}

/// What is known of a component's project.
#[derive(Clone)]
struct Parts {
    metadata: Metadata,
    leader: i64,
    hub: StoreHub,
    shares: Shares,
    source: Endpoint,
    target: Endpoint,
    config: ProjectConfig,
    /// The project's Store.
    store: StorePlace,
    subtopic: String,
    assignment: Assignment,
    /// Number of the run of a verification.
    sub_id: u32,
    /// What cannot be done does not stop a release.
    forced: bool,
    /// Which items of a pre-check are skippable, against the table.
    flags: SkippableFlags,
    /// The checkpoint of the component's last run.
    checkpoint: Option<Position>,
    /// The last run of a sub-project's Incr-Sync.
    drain: Option<Drain>,
    /// The data source of the project's target.
    target_id: String,
    /// Of the way back: `source` is the project's target, and `target` its source.
    goes_back: bool,
}

impl Works {
    /// Works over this rm database, under the leader of this epoch.
    pub fn new(metadata: Metadata, secrets: SecretStore, leader: i64) -> Self {
        Self {
            metadata,
            secrets,
            leader,
            hub: StoreHub::new(),
            shares: Shares::default(),
        }
    }

    /// Copies and verifications share so many turns of this node.
    #[must_use]
    pub fn sharing(mut self, turns: usize) -> Self {
        self.shares = Shares::new(turns);
        self
    }

    async fn parts(&self, component: &Component, assignment: &Assignment) -> Result<Parts> {
        let project = self.metadata.projects().get(&component.project_id).await?;
        let side = async |id: &str| -> Result<Endpoint> {
            let row = self.metadata.datasources().get(id).await?;
            endpoint_of(&self.secrets, &row)
        };
        let mut config = ProjectConfig::from_json(&project.config)?;
        self.metadata.speeds().await?.apply(&mut config.options);
        let sub_id = component
            .config
            .get("subId")
            .and_then(serde_json::Value::as_u64);
        let store = config.store_place(&project.id, &project.source_id);
        let drain = component.config.get("drain");
        let parts = Parts {
            metadata: self.metadata.clone(),
            leader: self.leader,
            hub: self.hub.clone(),
            shares: self.shares.clone(),
            source: side(&project.source_id).await?,
            target: side(&project.target_id).await?,
            config,
            flags: self.metadata.parameter().await?,
            subtopic: store.subtopic.clone(),
            store,
            target_id: project.target_id.clone(),
            drain: drain.and_then(|drain| serde_json::from_value(drain.clone()).ok()),
            assignment: assignment.clone(),
            checkpoint: serde_json::from_value(component.checkpoint.clone()).ok(),
            forced: component.config.get("force") == Some(&true.into()),
            sub_id: sub_id.and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
            goes_back: false,
        };
        let goes_back = match component.step_id.as_str() {
            "" => false,
            step => {
                let step = self.metadata.steps().get(step).await?;
                step.name == StepName::ReverseIncrTransfer
                    || component.kind == ComponentType::FullVerification
                        && switchover(&self.metadata, &project.id).await? == StepStatus::Finished
            }
        };
        Ok(match goes_back {
            true => parts.turned(&project.target_id),
            false => parts,
        })
    }
}

impl Maker for Works {
    fn maker<'a>(
        &'a self,
        component: &'a Component,
        assignment: &'a Assignment,
    ) -> BoxFuture<'a, Result<WorkFactory>> {
        Box::pin(async move {
            let parts = self.parts(component, assignment).await?;
            let kind = component.kind;
            let factory: WorkFactory = Box::new(move || Ok(parts.work(kind)));
            Ok(factory)
        })
    }
}

impl Parts {
    fn work(&self, kind: ComponentType) -> Box<dyn Work> {
        match kind {
            ComponentType::Precheck => Box::new(self.precheck()),
            ComponentType::StructTransfer => Box::new(StructTransfer::new(
                self.source.clone(),
                self.target.clone(),
                self.config.filter.clone(),
                self.objects(),
            )),
            ComponentType::IndexTransfer => Box::new(IndexTransfer::new(
                self.source.clone(),
                self.target.clone(),
                self.config.filter.clone(),
                self.objects(),
            )),
            ComponentType::Store => Box::new(keep::KeptStore::new(self.clone())),
            ComponentType::FullImport => {
                let throttle = self.throttle(tuned::of_full_import);
                let work = Box::new(self.full_import(Arc::clone(&throttle)));
                self.tuned(work, throttle, tuned::of_full_import)
            }
            ComponentType::IncrSync => {
                let throttle = self.throttle(tuned::of_incr_sync);
                let work = follow::FollowWork::new(self.clone(), Arc::clone(&throttle));
                self.tuned(Box::new(work), throttle, tuned::of_incr_sync)
            }
            ComponentType::FullVerification => Box::new(InItsRole {
                work: Box::new(self.verification()),
                metadata: self.metadata.clone(),
                goes_back: self.goes_back,
            }),
            ComponentType::IncrVerification => Box::new(check::CheckWork::new(self.clone())),
            ComponentType::AppSwitch => Box::new(self.app_switch()),
            ComponentType::Release => Box::new(release::ReleaseWork::new(self.clone())),
        }
    }

    fn throttle(&self, pick: tuned::Pick) -> Arc<Throttle> {
        Arc::new(Throttle::new(pick(&self.config.options).0))
    }

    fn tuned(
        &self,
        work: Box<dyn Work>,
        throttle: Arc<Throttle>,
        pick: tuned::Pick,
    ) -> Box<dyn Work> {
        Box::new(tuned::Tuned {
            work,
            throttle,
            parts: self.clone(),
            pick,
        })
    }

    fn objects(&self) -> Arc<RmObjects> {
        let step = self.assignment.step.clone();
        Arc::new(RmObjects::new(self.metadata.clone(), step, self.leader))
    }

    fn tables(&self) -> Arc<SourceTables> {
        Arc::new(SourceTables::new(
            self.source.clone(),
            self.config.filter.clone(),
        ))
    }

    fn precheck(&self) -> PrecheckWork {
        let step = self.assignment.step.clone();
        let log = RmPrecheck::new(self.metadata.clone(), step, self.leader);
        PrecheckWork::new(
            self.source.clone(),
            self.target.clone(),
            self.config.filter.clone(),
            Arc::new(log),
        )
        .scope(Scope {
            structure: self.config.stages.structure,
            full: self.config.stages.full,
            incr: self.config.stages.incr,
            heartbeat: self.config.stages.incr,
            flags: self.flags.clone(),
            ..Scope::default()
        })
    }

    fn store(&self) -> StoreWork {
        StoreWork::new(
            self.source.clone(),
            Arc::new(self.store.filter.clone()),
            self.config.options.store.clone(),
            self.store_dir(),
            self.subtopic.clone(),
            self.hub.clone(),
            true,
        )
        .leaving_out(self.leave_out())
    }

    fn store_dir(&self) -> PathBuf {
        self.config.data_dir.join("store").join(&self.subtopic)
    }

    fn full_import(&self, throttle: Arc<Throttle>) -> FullImportWork {
        let slices = RmSlices::new(
            self.metadata.clone(),
            self.assignment.project.clone(),
            self.assignment.step.clone(),
            self.leader,
        );
        FullImportWork {
            source: self.source.clone(),
            target: self.target.clone(),
            tables: self.tables(),
            options: self.config.options.full_import.clone(),
            throttle,
            shares: self.shares.clone(),
            slices: Arc::new(slices),
            later: self.config.stages.incr.then(|| self.later()),
        }
    }

    fn later(&self) -> Arc<dyn LaterColumns> {
        Arc::new(StoreColumns {
            end: self.ask_end(),
            hub: self.hub.clone(),
            subtopic: self.subtopic.clone(),
            open: self.open_log(),
        })
    }

    fn verification(&self) -> FullVerificationWork {
        let project = self.assignment.project.clone();
        let log = RmVerifyLog::new(
            self.metadata.clone(),
            project.0.clone(),
            i32::try_from(self.sub_id).unwrap_or(i32::MAX),
            self.assignment.epoch,
        );
        let progressed =
            RmProgressed::new(self.metadata.clone(), project.clone(), self.source.clone())
                .asking(self.ask_end());
        FullVerificationWork {
            source: self.source.clone(),
            target: self.target.clone(),
            tables: self.tables(),
            options: self.config.options.full_verification.clone(),
            dir: self.config.data_dir.join(project.as_str()),
            sub_id: self.sub_id,
            log: Arc::new(log),
            progressed: Arc::new(match self.goes_back {
                true => progressed.of_the_way_back(),
                false => progressed,
            }),
            shares: self.shares.clone(),
        }
    }

    /// Where the log of the server that is followed ends.
    fn ask_end(&self) -> AskEnd {
        let (source, subtopic) = (self.source.clone(), self.subtopic.clone());
        Arc::new(move || {
            let (source, subtopic) = (source.clone(), subtopic.clone());
            Box::pin(async move { end_of_log(&source, &subtopic).await })
        })
    }

    /// The Incr-Verification's name in the Store.
    fn verifying_consumer(&self) -> String {
        verifying_consumer_of(self.assignment.project.as_str())
    }

    /// Opens the log of the project's Store.
    fn open_log(&self) -> OpenLog {
        let (hub, subtopic) = (self.hub.clone(), self.subtopic.clone());
        Arc::new(move |from| {
            let (hub, subtopic) = (hub.clone(), subtopic.clone());
            Box::pin(async move {
                let reader = hub.open(&subtopic, &from).await?;
                Ok(Box::new(reader) as Box<dyn LogSource>)
            })
        })
    }
}

/// The name of a project's Incr-Sync as a consumer of a Store, and in its progress rows at the target.
fn consumer_of(project: &str) -> String {
    format!("{project}/incr_sync")
}

/// The name of a project's Incr-Verification as a consumer of a Store.
fn verifying_consumer_of(project: &str) -> String {
    format!("{project}/incr_verification")
}

/// The endpoint of a stored data source.
fn endpoint_of(secrets: &SecretStore, row: &DataSource) -> Result<Endpoint> {
    let stored = Stored {
        id: &row.id,
        host: &row.host,
        port: row.port,
        username: &row.username,
        password_cipher: &row.password_cipher,
        options: &row.options,
        tls_key_cipher: row.tls_key_cipher.as_deref(),
    };
    stored.endpoint(secrets)
}

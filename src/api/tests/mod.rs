//! Actions in this process, over an rm database in a file: no server is asked and none listens.

mod clones;
mod lines;
mod operations;
mod turns;

use super::answer::Answer;
use super::auth::{Accounts, Who};
use super::{Api, Requests, audit};
use crate::actor::pace::Bell;
use crate::config::secret_store::SecretStore;
use crate::coordinator::{Reconciler, make_steps};
use crate::error::{Kind, Result};
use crate::metadata::{
    AlarmLevel, Audit, AuditFilter, ComponentType, DataSourceType, DesiredStatus, Metadata,
    NewComponent, NewDataSource, NewProject, NewUser, Project, ProjectType, StepName, StepUpdate,
    UserRole, new_id,
};
use crate::model::filter::ObjectFilter;
use crate::model::objects::Modified;
use crate::model::options::Options;
use crate::model::project::{ProjectConfig, Stages};
use serde_json::{Value, json};

const EPOCH: i64 = 1 << 20;
const NODE: &str = "n";

/// The API of a process.
struct World {
    _folder: tempfile::TempDir,
    api: Api,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rm.db");
        let metadata = Metadata::open(&path.to_string_lossy()).await;
        let metadata = metadata.expect("opened");
        metadata.migrate().await.expect("migrated");
        let api = Api {
            secrets: SecretStore::open(&folder.path().join("oms.key")).expect("a key"),
            reconciler: Reconciler::new(metadata.clone(), EPOCH, NODE),
            bell: Bell::default(),
            accounts: Accounts::new(metadata.clone()),
            requests: Requests::new(0),
            data_dir: folder.path().join("data"),
            life: tokio::sync::Mutex::default(),
            metadata,
        };
        Self {
            _folder: folder,
            api,
        }
    }

    /// An account, as it asks.
    async fn user(&self, name: &str, role: UserRole) -> Who {
        let new = NewUser {
            account: name.to_owned(),
            password_hash: "no hash".to_owned(),
            role,
            department_id: format!("d_{name}"),
            mail: String::new(),
            phone: String::new(),
            description: String::new(),
            must_change: false,
        };
        let made = self.api.metadata.users().create(new).await;
        let made = made.expect("an account");
        Who {
            id: made.id,
            name: name.to_owned(),
            role,
            department_id: format!("d_{name}"),
            must_change: None,
            days_left: None,
            password_changed_at: made.password_changed_at,
            by_token: false,
            address: [127, 0, 0, 1].into(),
            request_id: String::new(),
        }
    }

    /// A data source of an account.
    async fn source(&self, owner: &Who, name: &str) -> String {
        let new = NewDataSource {
            id: None,
            name: name.to_owned(),
            kind: DataSourceType::Mysql,
            host: name.to_owned(),
            port: 3306,
            username: "u".to_owned(),
            password_cipher: String::new(),
            options: json!({}),
            tls_key_cipher: None,
            version: String::new(),
        };
        let sources = self.api.metadata.datasources();
        let made = sources.create_owned(new, Some(&owner.id)).await;
        made.expect("a data source").id
    }

    /// A project of an account between two data sources, with its steps, not started.
    async fn project(&self, owner: &Who, name: &str, [from, to]: [&str; 2]) -> Project {
        let config = config();
        let new = new_project(name, [from, to], &config);
        let projects = self.api.metadata.projects();
        let made = projects
            .create_whole(new, Some(&owner.id), Vec::new(), &[])
            .await;
        let made = made.expect("a project");
        let steps = make_steps(&self.api.metadata, &made.id, &config).await;
        steps.expect("steps");
        made
    }

    /// The Incr-Sync of a project, which its step has.
    async fn incr_sync(&self, project: &Project, number: u32) -> String {
        let metadata = &self.api.metadata;
        let steps = metadata.steps().list(&project.id).await.expect("listed");
        let step = steps.into_iter().flatten();
        let step = step.into_iter().find(|s| s.name == StepName::IncrTransfer);
        let step = step.expect("a step");
        let new = NewComponent {
            id: format!("{NODE}:incr:{number:010}"),
            project_id: project.id.clone(),
            step_id: step.id.clone(),
            kind: ComponentType::IncrSync,
            desired_status: DesiredStatus::Running,
            node: NODE.to_owned(),
            config: json!({}),
            checkpoint: json!({}),
        };
        let made = metadata.components().create(new).await.expect("made");
        let named = StepUpdate {
            step_info: Some(json!({ "component": made.id })),
            ..StepUpdate::default()
        };
        let written = metadata.steps().update(&step.id, named, 0).await;
        assert!(written.expect("written").applied());
        made.id
    }

    /// Asks for an action, as the HTTP server does once it knows who asks.
    async fn ask(&self, who: &Who, action: &str, body: Value) -> Result<Answer> {
        let who = Who {
            request_id: new_id("r_"),
            ..who.clone()
        };
        audit::run(&self.api, &who, action, body.to_string().as_bytes()).await
    }

    /// Asks for what must be refused like this.
    #[track_caller]
    fn refused(&self, found: Result<Answer>, kind: Kind, says: &str) {
        match found {
            Ok(answer) => panic!("it was done: {}", answer.data),
            Err(error) => {
                assert_eq!(error.kind(), kind, "{error}");
                assert!(error.to_string().contains(says), "{error}");
            }
        }
    }

    /// The newest line of the audit log about an action.
    async fn line(&self, action: &str) -> Audit {
        let filter = AuditFilter {
            action: Some(action.to_owned()),
            ..AuditFilter::default()
        };
        let logs = self.api.metadata.audit_logs();
        let (rows, _) = logs.list(&filter, 0, 1).await.expect("listed");
        let newest = rows.into_iter().flatten().next();
        newest.unwrap_or_else(|| panic!("no line about {action}"))
    }
}

fn config() -> ProjectConfig {
    ProjectConfig {
        filter: ObjectFilter {
            include: vec!["shop.*".to_owned()],
            exclude: Vec::new(),
        },
        options: Options::default(),
        data_dir: "d".into(),
        stages: Stages::default(),
        modified: Modified::default(),
        reverse_incr_sync: None,
    }
}

fn new_project(name: &str, [from, to]: [&str; 2], config: &ProjectConfig) -> NewProject {
    NewProject {
        id: new_id("np_"),
        name: name.to_owned(),
        kind: ProjectType::Migration,
        source_id: from.to_owned(),
        target_id: to.to_owned(),
        config: config.to_json(),
        alarm_level: AlarmLevel::Low,
    }
}

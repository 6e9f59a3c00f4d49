//! Everything before the first step: passwords, both servers, and the project's rows in `rm`.

use crate::config::migrate::{MigrateConfig, Side};
use crate::config::secret_store::SecretStore;
use crate::config::stored::sealed_tls_key;
use crate::coordinator::make_steps;
use crate::datasource::mysql::{BinlogAddress, Endpoint, Flavour, Secret, Server};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    AlarmLevel, DataSource, DataSourceType, DataSourceUpdate, Metadata, NewDataSource, NewProject,
    Project, ProjectType, new_id,
};
use crate::model::objects::Modified;
use crate::model::project::{ProjectConfig, Stages};
use sha2::{Digest, Sha256};
use std::io::IsTerminal;

/// A project that is ready to run.
pub struct Prepared {
    /// Its row.
    pub project: Project,
    /// Whether it was there before.
    pub resumed: bool,
}

/// Connects to a side; asks for the password where the server wants one and a person is there.
pub async fn open_side(name: &str, side: &mut Side) -> Result<Server> {
    match Server::open(&side.endpoint).await {
        Err(error) if error.kind() == Kind::AccessDenied && !side.password_given => {
            side.endpoint.password = ask(name, &side.endpoint, error)?;
            Server::open(&side.endpoint).await
        }
        result => result,
    }
}

fn ask(name: &str, endpoint: &Endpoint, refused: Error) -> Result<Secret> {
    if !std::io::stdin().is_terminal() {
        return Err(refused.remedy(format!(
            "No password was given: set OMS_{}_PASSWORD, or give --{name}-password-file.",
            name.to_uppercase()
        )));
    }
    rpassword::prompt_password(format!("Password of {endpoint} ({name}): "))
        .map(Secret::new)
        .map_err(|e| {
            Error::new(Kind::PasswordMissing, format!("the password of the {name}")).caused_by(e)
        })
}

/// Finds the project of this configuration in `rm`, or makes it.
pub async fn project(
    metadata: &Metadata,
    secrets: &SecretStore,
    config: &MigrateConfig,
    source: &Server,
    target: &Server,
) -> Result<Prepared> {
    let wanted = ProjectConfig {
        filter: config.filter.clone(),
        options: config.options.clone(),
        data_dir: config.data_dir.clone(),
        stages: Stages::default(),
        modified: Modified::default(),
        reverse_incr_sync: None,
    };
    let name = config.name.clone().unwrap_or_else(|| default_name(config));
    let source_row = datasource(metadata, secrets, source, config.source.password_given).await?;
    let target_row = datasource(metadata, secrets, target, config.target.password_given).await?;
    if let Some(found) = metadata.projects().find_by_name(&name).await? {
        let found = found.map_err(crate::metadata::MetaError::CorruptRow)?;
        let mut project = same_or_refuse(found, &wanted, &source_row, &target_row)?;
        keep_settings(metadata, &mut project, &wanted).await?;
        make_steps(metadata, &project.id, &wanted).await?;
        return Ok(Prepared {
            project,
            resumed: true,
        });
    }
    let new = NewProject {
        id: new_id("np_"),
        name,
        kind: ProjectType::Migration,
        source_id: source_row.id,
        target_id: target_row.id,
        config: wanted.to_json(),
        alarm_level: AlarmLevel::Low,
    };
    let project = metadata.projects().create(new).await?;
    make_steps(metadata, &project.id, &wanted).await?;
    Ok(Prepared {
        project,
        resumed: false,
    })
}

/// A run may have other settings than the one before (`--correct`, `--concurrency`); the components
/// read them from `rm`.
async fn keep_settings(
    metadata: &Metadata,
    project: &mut Project,
    wanted: &ProjectConfig,
) -> Result<()> {
    let config = wanted.to_json();
    if project.config == config {
        return Ok(());
    }
    metadata
        .projects()
        .set_config(&project.id, &config, project.epoch)
        .await?
        .require("oms_project", &project.id, project.epoch)?;
    project.config = config;
    Ok(())
}

/// A project goes on only with the objects and servers that it began with.
fn same_or_refuse(
    found: Project,
    wanted: &ProjectConfig,
    source: &DataSource,
    target: &DataSource,
) -> Result<Project> {
    let stored = ProjectConfig::from_json(&found.config)?;
    let differs = if found.source_id != source.id {
        "another source"
    } else if found.target_id != target.id {
        "another target"
    } else if stored.filter != wanted.filter {
        "other include or exclude rules"
    } else if stored.data_dir != wanted.data_dir {
        "another data folder"
    } else if stored.options.incr_verification.enabled != wanted.options.incr_verification.enabled {
        // it is one of the steps, and steps are made once
        "another choice of incremental verification (--incr-verify)"
    } else {
        return Ok(found);
    };
    Err(Error::new(Kind::ConfigInvalid, format!("project '{}' ({})", found.name, found.id))
        .detail(format!("it began with {differs}"))
        .remedy("Give what it began with (`oms project show` lists it), or another --name for a new project."))
}

/// `source→target#digest of the rules`, at most 64 characters.
fn default_name(config: &MigrateConfig) -> String {
    let mut digest = Sha256::new();
    for endpoint in [&config.source.endpoint, &config.target.endpoint] {
        digest.update(format!("{endpoint}\n"));
    }
    for rule in &config.filter.include {
        digest.update(format!("+{rule}\n"));
    }
    for rule in &config.filter.exclude {
        digest.update(format!("-{rule}\n"));
    }
    let hex: String = digest
        .finalize()
        .iter()
        .take(4)
        .map(|b| format!("{b:02x}"))
        .collect();
    let first: String = config
        .filter
        .include
        .first()
        .map(|rule| rule.chars().take(40).collect())
        .unwrap_or_default();
    format!("migrate-{first}-{hex}")
}

async fn datasource(
    metadata: &Metadata,
    secrets: &SecretStore,
    server: &Server,
    given: bool,
) -> Result<DataSource> {
    let endpoint = &server.endpoint;
    let kind = match server.flavour {
        Flavour::MySql => DataSourceType::Mysql,
        Flavour::MariaDb => DataSourceType::Mariadb,
        Flavour::OceanBase => DataSourceType::ObMysqlCe,
    };
    let found = metadata
        .datasources()
        .find_by_endpoint(kind, &endpoint.host, endpoint.port, &endpoint.user)
        .await?;
    let sealer = secrets.sealer().await?;
    let row = match found {
        Some(row) => row.map_err(crate::metadata::MetaError::CorruptRow)?,
        None => {
            let id = new_id("e_");
            let mut options = serde_json::json!({});
            write_options(endpoint, &mut options);
            let new = NewDataSource {
                name: format!("{}@{}:{}", endpoint.user, endpoint.host, endpoint.port),
                kind,
                host: endpoint.host.clone(),
                port: endpoint.port,
                username: endpoint.user.clone(),
                password_cipher: sealer.seal(&id, &endpoint.password)?,
                options,
                tls_key_cipher: sealed_tls_key(&sealer, &id, &endpoint.tls)?,
                version: server.version.clone(),
                id: Some(id),
            };
            metadata.datasources().create(new).await?
        }
    };
    // the password that just worked is the one to keep
    let known = secrets.unseal(&row.id, &row.password_cipher).ok();
    let mut options = row.options.clone();
    write_options(endpoint, &mut options);
    let update = DataSourceUpdate {
        version: Some(server.version.clone()),
        password_cipher: (given || known.as_ref() != Some(&endpoint.password))
            .then(|| sealer.seal(&row.id, &endpoint.password))
            .transpose()?,
        tls_key_cipher: Some(sealed_tls_key(&sealer, &row.id, &endpoint.tls)?),
        options: Some(options),
        ..DataSourceUpdate::default()
    };
    metadata.datasources().update(&row.id, update).await?;
    Ok(row)
}

/// What of an address stands in a data source's options.
fn write_options(endpoint: &Endpoint, options: &mut serde_json::Value) {
    endpoint.tls.write_options(options);
    BinlogAddress::write_options(endpoint.binlog.as_ref(), options);
}

//! `oms migrate`: the whole node in this process, for one project.

pub mod prepare;
pub mod progress;
pub mod run;
pub mod summary;

use super::args::{MigrateCommand, Output};
use super::exit::ExitCode;
use super::print;
use crate::cluster::solo::Leadership;
use crate::config::MigrateConfig;
use crate::config::migrate::MigrateArgs;
use crate::config::secret_store::{SecretStore, default_key_file};
use crate::error::Result;
use crate::metadata::Metadata;
use crate::supervisor::EPOCH_STRIDE;
use crate::supervisor::works::Works;
use run::End;

/// Runs the command.
pub async fn migrate(command: MigrateCommand, output: Output) -> Result<ExitCode> {
    let env = |name: &str| std::env::var(name).ok();
    let mut config = MigrateConfig::load(arguments(command), env)?;
    for (name, side) in [("source", &config.source), ("target", &config.target)] {
        if side.password_exposed {
            print::warn(&format!(
                "the password of the {name} stands in its URL; better set OMS_{}_PASSWORD or give --{name}-password-file",
                name.to_uppercase()
            ));
        }
    }
    let source = prepare::open_side("source", &mut config.source).await?;
    let target = prepare::open_side("target", &mut config.target).await?;
    let metadata = open_rm(&config.rm).await?;
    let leadership = Leadership::acquire(&metadata).await?;
    let result = lead(&metadata, &leadership, &config, (source, target), output).await;
    // the next run need not wait for the lease to run out
    leadership.release().await?;
    result
}

async fn lead(
    metadata: &Metadata,
    leadership: &Leadership,
    config: &MigrateConfig,
    (source, target): (
        crate::datasource::mysql::Server,
        crate::datasource::mysql::Server,
    ),
    output: Output,
) -> Result<ExitCode> {
    let secrets = SecretStore::open(&default_key_file(|name| std::env::var(name).ok()))?;
    let prepared = prepare::project(metadata, &secrets, config, &source, &target).await?;
    let id = prepared.project.id.clone();
    let quiet = output != Output::Text;
    if !quiet {
        print::note(&format!(
            "{} project {id} ({}): {} {} → {} {}",
            if prepared.resumed {
                "Going on with"
            } else {
                "New"
            },
            prepared.project.name,
            source.flavour,
            source.endpoint,
            target.flavour,
            target.endpoint,
        ));
    }
    let works = Works::new(metadata.clone(), secrets, leadership.epoch * EPOCH_STRIDE);
    let (end, rows) = run::run(
        metadata,
        leadership,
        Box::new(works),
        &id,
        config.until,
        quiet,
    )
    .await?;
    let summary = summary::gather(metadata, &rows, end, &config.data_dir).await?;
    match output {
        Output::Text => {
            if end == End::Failed {
                print::failed(&rows.project.extra_info);
            }
            print::out(&summary.text());
        }
        document => print::document(document, &summary)?,
    }
    Ok(ExitCode::of(end, &summary))
}

/// Opens the rm database and brings its schema up to date.
pub async fn open_rm(rm: &str) -> Result<Metadata> {
    let metadata = Metadata::open(&super::rm_url(rm)).await?;
    metadata.migrate().await?;
    Ok(metadata)
}

fn arguments(command: MigrateCommand) -> MigrateArgs {
    MigrateArgs {
        config: command.config,
        name: command.name,
        source: command.source,
        source_password_file: command.source_password_file,
        target: command.target,
        target_password_file: command.target_password_file,
        include: command.include,
        exclude: command.exclude,
        rm: command.rm,
        data_dir: command.data_dir,
        until: command.until,
        correct: command.correct,
        incr_verify: command.incr_verify,
        concurrency: command.concurrency,
        speed: command.speed,
    }
}

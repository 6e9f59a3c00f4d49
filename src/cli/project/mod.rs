//! `oms project`: what stands in an rm database, for people and for scripts.

mod list;
mod show;
mod verify_result;

use super::args::{Output, ProjectCommand};
use super::exit::ExitCode;
use crate::error::{Error, Kind, Result};
use crate::metadata::{MetaError, MetaErrorKind, Metadata, Project};

/// Runs the command.
pub async fn project(command: ProjectCommand, output: Output) -> Result<ExitCode> {
    match command {
        ProjectCommand::List { rm } => list::list(&open(&rm.rm).await?, output).await,
        ProjectCommand::Show { id, steps, rm } => {
            show::show(&open(&rm.rm).await?, &id, steps, output).await
        }
        ProjectCommand::VerifyResult {
            id,
            limit,
            incr,
            rm,
        } => {
            let wanted = verify_result::Wanted { limit, incr };
            verify_result::verify_result(&open(&rm.rm).await?, &id, wanted, output).await
        }
    }
}

/// Opens an rm database that must be there: looking must not make one.
async fn open(rm: &str) -> Result<Metadata> {
    let path = rm.strip_prefix("sqlite://").unwrap_or(rm);
    if !path.contains("://") && !std::path::Path::new(path).exists() {
        return Err(
            Error::new(Kind::ConfigUnreadable, format!("rm database {rm}"))
                .detail("there is no such file")
                .remedy("Give --rm FILE, or set OMS_RM."),
        );
    }
    Ok(Metadata::open(&super::rm_url(rm)).await?)
}

/// Finds a project by id or by name.
async fn find(metadata: &Metadata, id: &str) -> Result<Project> {
    match metadata.projects().get(id).await {
        Ok(project) => Ok(project),
        Err(error) if error.kind() == MetaErrorKind::NotFound => {
            let found = metadata.projects().find_by_name(id).await?;
            let found = found.ok_or_else(|| {
                Error::new(Kind::NotFound, format!("project '{id}'")).detail(format!(
                    "there is none with this id or name in {}",
                    metadata.place()
                ))
            })?;
            Ok(found.map_err(MetaError::CorruptRow)?)
        }
        Err(error) => Err(error.into()),
    }
}

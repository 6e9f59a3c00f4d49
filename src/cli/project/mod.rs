//! `oms project`: at a server, or what stands in an rm database, for people and for scripts.

mod list;
mod show;
mod verify_result;

pub use list::{Line, print_lines};

use super::args::{Output, ProjectCommand, RmOrServer};
use super::failure::Outcome;
use super::remote::args::{ApiArgs, Remote};
use super::remote::{self, Client, projects};
use crate::config::migrate::DEFAULT_RM;
use crate::error::{Error, Kind, Result};
use crate::metadata::{MetaError, MetaErrorKind, Metadata, Project};

/// Runs the command.
pub async fn project(command: Remote<ProjectCommand>, output: Output) -> Outcome {
    let api = command.api;
    // for what only a server can do
    let server = || Client::open(&api);
    match command.command {
        ProjectCommand::List { rm } => match place(rm, &api)? {
            Place::Rm(rm) => Ok(list::list(&open(&rm).await?, output).await?),
            Place::Server(client) => projects::list(&client, output).await,
        },
        ProjectCommand::Show { id, steps, rm } => match place(rm, &api)? {
            Place::Rm(rm) => Ok(show::show(&open(&rm).await?, &id, steps, output).await?),
            Place::Server(client) => projects::show(&client, &id, steps, output).await,
        },
        ProjectCommand::VerifyResult {
            id,
            limit,
            incr,
            rm,
        } => match place(rm, &api)? {
            Place::Rm(rm) => {
                let wanted = verify_result::Wanted { limit, incr };
                let rm = open(&rm).await?;
                Ok(verify_result::verify_result(&rm, &id, wanted, output).await?)
            }
            Place::Server(client) => {
                projects::verify_result(&client, &id, limit, incr, output).await
            }
        },
        ProjectCommand::Create { file } => projects::create(&server()?, &file, output).await,
        ProjectCommand::Start(wanted) => {
            projects::change(&server()?, &wanted, projects::START, output).await
        }
        ProjectCommand::Pause(wanted) => {
            projects::change(&server()?, &wanted, projects::PAUSE, output).await
        }
        ProjectCommand::Resume(wanted) => {
            projects::change(&server()?, &wanted, projects::RESUME, output).await
        }
        ProjectCommand::Release { wanted, force } => {
            projects::change(&server()?, &wanted, projects::release(force), output).await
        }
        ProjectCommand::Delete(wanted) => projects::delete(&server()?, &wanted.id, output).await,
        ProjectCommand::Switch(wanted) => remote::switch::switch(&server()?, *wanted, output).await,
        ProjectCommand::Configure(wanted) => {
            remote::configure::configure(&server()?, *wanted, output).await
        }
        ProjectCommand::Labels { id, labels, .. } => {
            remote::configure::labels(&server()?, &id, &labels, output).await
        }
        ProjectCommand::Metric(wanted) => {
            remote::configure::metric(&server()?, wanted, output).await
        }
        ProjectCommand::Corrections { id, table } => {
            remote::configure::corrections(&server()?, &id, &table, output).await
        }
        ProjectCommand::Steps(wanted) => projects::steps(&server()?, &wanted.id, output).await,
        ProjectCommand::Progress(wanted) => {
            projects::progress(&server()?, &wanted.id, output).await
        }
        ProjectCommand::Objects(command) => remote::objects::run(&server()?, command, output).await,
        ProjectCommand::Components(wanted) => {
            remote::components::list(&server()?, &wanted.id, output).await
        }
        ProjectCommand::Rename { id, name } => {
            projects::rename(&server()?, &id, &name, output).await
        }
        ProjectCommand::Clone { id, name } => projects::clone(&server()?, &id, &name, output).await,
        ProjectCommand::AlarmLevel { id, level } => {
            projects::alarm_level(&server()?, &id, &level, output).await
        }
        ProjectCommand::Repair { id, step, wait } => {
            remote::components::repair(&server()?, &id, &step, wait, output).await
        }
    }
}

/// Where projects are looked at.
enum Place {
    Rm(String),
    Server(Client),
}

/// The command line outweighs the environment, and that the current context; where nothing is said, it
/// is the rm database in this folder.
fn place(rm: RmOrServer, api: &ApiArgs) -> Result<Place> {
    let server_named = api.api.is_some() || api.context.is_some();
    if rm.rm.is_some() && server_named {
        return Err(
            Error::new(Kind::ConfigInvalid, "--rm beside --api or --context")
                .detail("one reads an rm database, the other asks a server")
                .remedy("Give one of them."),
        );
    }
    let of_env = || std::env::var("OMS_RM").ok().filter(|rm| !rm.is_empty());
    if server_named {
        return Ok(Place::Server(Client::open(api)?));
    }
    if let Some(rm) = rm.rm.or_else(of_env) {
        return Ok(Place::Rm(rm));
    }
    match remote::configured()? {
        true => Ok(Place::Server(Client::open(api)?)),
        false => Ok(Place::Rm(DEFAULT_RM.to_owned())),
    }
}

/// Opens an rm database that must be there: looking must not make one.
pub(super) async fn open(rm: &str) -> Result<Metadata> {
    let path = rm.strip_prefix("sqlite://").unwrap_or(rm);
    if !path.contains("://") && !std::path::Path::new(path).exists() {
        return Err(
            Error::new(Kind::ConfigUnreadable, format!("rm database {rm}"))
                .detail("there is no such file")
                .remedy(
                    "Give --rm FILE, or set OMS_RM; --api URL or `oms context add` names a server.",
                ),
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

//! The last work of a project: takes away what the project keeps on this node and on its servers.

use super::Parts;
use crate::actor::work::{Context, Finish, Work, cancelled_is_fine};
use crate::datasource::mysql::{Endpoint, Server, heartbeat, traces};
use crate::error::{Error, Kind, Result};
use crate::switchover::{clean_way_back, release_source};
use futures::future::BoxFuture;
use std::io::ErrorKind;

/// Takes a project's traces away; can be run again at any time.
pub struct ReleaseWork {
    parts: Parts,
}

impl ReleaseWork {
    /// Of this project.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    async fn release(self, context: &Context) -> Result<Finish> {
        let parts = self.parts;
        context.progress().set_total(3);
        remove_folder(parts.store_dir()).await?;
        context.progress().add(1, 0);
        context.check()?;
        let project = &parts.assignment.project;
        let target = async {
            let server = Server::open(&parts.target).await?;
            traces::forget_at_target(&server, project.as_str()).await
        };
        settle(context, &parts, "target", &parts.target, target.await)?;
        context.check()?;
        let source = async {
            let server = Server::open(&parts.source).await?;
            let row = heartbeat::row_of(&parts.subtopic);
            traces::forget_at_source(&server, row).await
        };
        settle(context, &parts, "source", &parts.source, source.await)?;
        if !parts.config.stages.way_back.is_none() {
            let back = parts.clone().turned(&parts.target_id).side();
            parts.hub.forget_store(&back.subtopic);
            let cleaned = clean_way_back(project, &parts.source, &back).await;
            settle(context, &parts, "way back", &parts.target, cleaned)?;
            let writable = release_source(&parts.metadata, project, &parts.source).await;
            settle(context, &parts, "read_only", &parts.source, writable)?;
        }
        Ok(Finish::Done)
    }
}

/// A server that is gone for good would keep its project for ever: where the user says so, what is on
/// it stays there.
fn settle(
    context: &Context,
    parts: &Parts,
    side: &str,
    endpoint: &Endpoint,
    result: Result<()>,
) -> Result<()> {
    context.progress().add(1, 0);
    match result {
        Err(error) if parts.forced && error.kind() != Kind::Interrupted => {
            tracing::warn!(%error, "left where it is: the release is forced");
            let left = format!("rows of ours at the {side} {endpoint}: {error}");
            context.progress().set_detail(side, left);
            Ok(())
        }
        result => result,
    }
}

async fn remove_folder(folder: std::path::PathBuf) -> Result<()> {
    match tokio::fs::remove_dir_all(&folder).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::new(
            Kind::Io,
            format!("removing the Store's folder {}", folder.display()),
        )
        .caused_by(error)),
        _ => Ok(()),
    }
}

impl Work for ReleaseWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move { cancelled_is_fine(self.release(&context).await) })
    }
}

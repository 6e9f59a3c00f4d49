//! Takes away what the way back keeps: its Store's folder, its rows at both servers.

use super::work::Side;
use crate::datasource::mysql::{Endpoint, Server, heartbeat, traces};
use crate::error::{Error, Kind, Result};
use crate::model::ids::ProjectId;
use std::io::ErrorKind;

/// Takes it away; can be run again. `writes_to`: the server that the way back writes to.
pub async fn clean_way_back(project: &ProjectId, writes_to: &Endpoint, back: &Side) -> Result<()> {
    if let Err(error) = tokio::fs::remove_dir_all(&back.dir).await
        && error.kind() != ErrorKind::NotFound
    {
        let what = format!("removing the Store's folder {}", back.dir.display());
        return Err(Error::new(Kind::Io, what).caused_by(error));
    }
    let server = Server::open(writes_to).await?;
    traces::forget_at_target(&server, project.as_str()).await?;
    let server = Server::open(&back.from).await?;
    traces::forget_at_source(&server, heartbeat::row_of(&back.subtopic)).await
}

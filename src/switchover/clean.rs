//! Takes away what the way back keeps: its Store's folder, its rows at both servers.

use super::rm::Rows;
use super::work::Side;
use crate::datasource::mysql::readonly::set_read_only;
use crate::datasource::mysql::{Endpoint, Server, heartbeat, traces};
use crate::error::{Error, Kind, Result};
use crate::metadata::{Metadata, StepName};
use crate::model::ids::ProjectId;
use crate::workflow::switch::Part;
use std::io::ErrorKind;

/// Makes the source writable again, if the switchover made it read-only; can be run again.
pub(super) async fn allow_writes(rows: &Rows, source: &Endpoint) -> Result<()> {
    let info = rows.info(Part::StopSourceWrites).await?;
    if info["madeReadOnly"] != true {
        return Ok(());
    }
    let server = Server::open(source).await?;
    set_read_only(&server, false).await.map(drop)
}

/// The same at the release of a project, whatever its switchover is at.
///
/// # Errors
/// As the server is not reached, or refuses.
pub async fn release_source(
    metadata: &Metadata,
    project: &ProjectId,
    source: &Endpoint,
) -> Result<()> {
    let steps = metadata.steps().list(project.as_str()).await?;
    let mut steps = steps.into_iter().flatten();
    let Some(step) = steps.find(|s| s.name == StepName::TransferAppSwitch) else {
        return Ok(());
    };
    let rows = Rows {
        metadata: metadata.clone(),
        step: step.id,
        leader: step.epoch,
    };
    allow_writes(&rows, source).await
}

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

//! `oms server`: a node as a service.

use super::args::ServerCommand;
use super::exit::ExitCode;
use super::migrate::open_rm;
use super::migrate::run::NODE;
use super::print;
use super::signals::Signals;
use crate::actor::pace::Bell;
use crate::api::{Accounts, Api, FIRST_ACCOUNT, Requests, serve, tls};
use crate::cluster::solo::Leadership;
use crate::config::ServerConfig;
use crate::config::secret_store::{SecretStore, default_key_file};
use crate::coordinator::{Coordinator, Halt, Reconciler, Scope};
use crate::error::{Error, Kind, Result};
use crate::metadata::Metadata;
use crate::supervisor::works::Works;
use crate::supervisor::{EPOCH_STRIDE, Host, Node, StopAll, Supervisor};
use actix::Actor;
use std::path::PathBuf;
use std::time::Duration;

/// Components that have not ended by then are left to their epoch's fence.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs the command until it is told to end.
pub async fn server(command: ServerCommand) -> Result<ExitCode> {
    let env = |name: &str| std::env::var(name).ok();
    let config = ServerConfig::load(command.config.as_deref(), env)?;
    let metadata = open_rm(&config.rm).await?;
    let leadership = Leadership::acquire(&metadata).await?;
    let result = lead(&metadata, &leadership, &config).await;
    // the next process need not wait for the lease to run out
    leadership.release().await?;
    result
}

async fn lead(
    metadata: &Metadata,
    leadership: &Leadership,
    config: &ServerConfig,
) -> Result<ExitCode> {
    let key_file = match config.key_file.as_os_str().is_empty() {
        true => default_key_file(|name| std::env::var(name).ok()),
        false => config.key_file.clone(),
    };
    let epoch = leadership.epoch * EPOCH_STRIDE;
    let bell = Bell::default();
    let reconciler = Reconciler::new(metadata.clone(), epoch, NODE);
    let works =
        Works::new(metadata.clone(), SecretStore::open(&key_file)?, epoch).sharing(config.turns());
    let node =
        Node::new(metadata.clone(), Box::new(works), NODE, epoch, None).ringing(bell.clone());
    let api = Api {
        metadata: metadata.clone(),
        secrets: SecretStore::open(&key_file)?,
        reconciler: reconciler.clone(),
        bell: bell.clone(),
        accounts: Accounts::new(metadata.clone()),
        requests: Requests::new(config.requests_per_second),
        data_dir: absolute(&config.data_dir)?,
        life: tokio::sync::Mutex::default(),
    };
    let tls = config.tls.both().map(|(cert, key)| tls::load(cert, key));
    let (tls, scheme) = match tls.transpose()? {
        Some(tls) => (Some(tls), "https"),
        None => (None, "http"),
    };
    let (api, address) = serve(api, config.listen()?, config.request_bytes_max, tls)?;
    let handle = api.handle();
    let api = tokio::spawn(api);
    let tell = |password: &str| {
        print::out(&format!(
            "account {FIRST_ACCOUNT}, password {password}: change it with the action ChangePassword; it is not shown again"
        ));
    };
    Accounts::new(metadata.clone()).make_first(tell).await?;
    // what an earlier leader left is taken over before anything runs
    reconciler.living().await?;
    let host = Host {
        metadata: metadata.clone(),
        name: NODE.to_owned(),
        port: address.port(),
        epoch,
        data_dir: absolute(&config.data_dir)?,
    };
    let beating = tokio::spawn(host.clone().report());
    let supervisor = Supervisor::new(node).start();
    let (coordinator, _seen, mut fenced) = Coordinator::new(reconciler, Scope::All, bell);
    let coordinator = coordinator.start();
    print::out(&format!("listening on {scheme}://{address}"));

    let mut signals = Signals::new()?;
    let end = tokio::select! {
        () = signals.next() => Ok(ExitCode::Equal),
        () = leadership.lost() => Err(lost(metadata)),
        _ = fenced.wait_for(|fenced| *fenced) => Err(lost(metadata)),
    };
    // what ran goes on with the next start: only its works end here
    let works = async {
        let _ = coordinator.send(Halt).await;
        supervisor.send(StopAll).await
    };
    let (ended, ()) = tokio::join!(tokio::time::timeout(DRAIN, works), handle.stop(true));
    if ended.is_err() {
        tracing::warn!("components did not end in time; they go on from their checkpoints");
    }
    beating.abort();
    host.end().await;
    drop((supervisor, coordinator));
    let _ = api.await;
    end
}

/// Projects keep their folder's whole path.
fn absolute(path: &std::path::Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::new(Kind::ConfigInvalid, "data_dir").caused_by(e))
}

fn lost(metadata: &Metadata) -> Error {
    Error::new(Kind::Fenced, format!("rm database {}", metadata.place()))
        .detail("another process took it over")
}

//! The HTTP API: `POST /api/v2?Action=<Name>`, with OMS's envelope, names and error detail.
//!
//! An action reads and writes rows of `rm`, and rings the bell; the Coordinator does the rest. So
//! whatever the API can do, an operator can do with SQL, and a request that dies in the midst leaves
//! what the next look mends. [`actions`] is the list of what there is; [`auth`] says who asks,
//! [`permit`] who may do what, and [`audit`] keeps who changed what.

mod accounts;
mod actions;
mod answer;
mod audit;
mod auth;
mod components;
mod create;
mod datasources;
mod departments;
mod labels;
mod life;
mod limiter;
mod manage;
mod metrics;
mod objects;
mod om_tasks;
mod openapi;
mod operate;
mod owners;
mod page;
mod parameters;
mod password;
mod permit;
mod precheck;
mod projects;
mod registry;
mod request;
mod servers;
mod sessions;
mod settings;
mod steps;
mod switch;
mod takeover;
#[cfg(test)]
mod tests;
pub mod tls;
mod tokens;
mod tune;
mod updates;
mod users;
mod verified;
mod verify;

pub use auth::{Accounts, FIRST_ACCOUNT};
pub use limiter::Requests;
pub use openapi::{document, markdown};

use crate::actor::pace::Bell;
use crate::config::secret_store::SecretStore;
use crate::coordinator::Reconciler;
use crate::error::{Error, Kind, Result};
use crate::metadata::Metadata;
use actix_web::dev::Server;
use actix_web::http::header::HeaderName;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use answer::Answer;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;
use tokio_rustls::rustls::ServerConfig;

/// What the actions work with.
pub struct Api {
    /// The rm database.
    pub metadata: Metadata,
    /// Encrypts passwords of data sources.
    pub secrets: SecretStore,
    /// Starts and stops projects, as the leader.
    pub reconciler: Reconciler,
    /// Rung after a change.
    pub bell: Bell,
    /// Who may ask.
    pub accounts: Accounts,
    /// How often.
    pub requests: Requests,
    /// Folder for the data of new projects.
    pub data_dir: PathBuf,
    /// Held while a project's state is looked at and changed.
    pub life: tokio::sync::Mutex<()>,
}

/// A server that answers until it is stopped, with TLS where it is given.
///
/// # Errors
/// `Io` where the address cannot be listened on.
pub fn serve(
    api: Api,
    listen: SocketAddr,
    request_bytes: usize,
    tls: Option<ServerConfig>,
) -> Result<(Server, SocketAddr)> {
    let api = web::Data::new(api);
    let failed = |e| Error::new(Kind::Io, format!("listening on {listen}")).caused_by(e);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(api.clone())
            .app_data(web::PayloadConfig::new(request_bytes))
            .route("/oms/health", web::get().to(health))
            .route("/livez", web::get().to(alive))
            .route("/readyz", web::get().to(health))
            .route("/api/openapi.json", web::get().to(openapi::serve))
            .service(actions_at("/api/v2"))
            .service(actions_at("/api/v2/{action}"))
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(5);
    let server = match tls {
        Some(tls) => server.bind_rustls_0_23(listen, tls),
        None => server.bind(listen),
    };
    let server = server.map_err(failed)?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((server.run(), address))
}

fn actions_at(path: &str) -> actix_web::Resource {
    web::resource(path)
        .route(web::post().to(api_v2))
        .default_service(web::to(answer::not_posted))
}

/// The process answers.
async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "UP" }))
}

/// The process answers, and its rm database does.
async fn health(api: web::Data<Api>) -> HttpResponse {
    match api.metadata.configs().get("oms.sequence.component").await {
        Ok(_) => alive().await,
        Err(error) => {
            let error = Error::from(error);
            HttpResponse::ServiceUnavailable()
                .json(json!({ "status": "DOWN", "rm": error.report() }))
        }
    }
}

/// `POST /api/v2?Action=…`, or the action as a part of the path.
async fn api_v2(
    request: HttpRequest,
    api: web::Data<Api>,
    body: std::result::Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    let begun = Instant::now();
    let id = answer::request_id();
    let who = match api.accounts.authenticate(&request, &id).await {
        Ok(who) => who,
        Err(error) if error.kind() == Kind::AccountUnknown => {
            return answer::unauthorized(&error, begun, &id);
        }
        Err(error) => return answer::respond(Err(error), begun, &id),
    };
    if let Err(error) = api.requests.take(&who.id, begun) {
        return answer::respond(Err(error), begun, &id);
    }
    let body = match body {
        Ok(body) => body,
        Err(error) => return answer::unreadable(&error, begun, &id),
    };
    let result = match request::action(&request) {
        Ok(action) => audit::run(&api, &who, &action, &body).await,
        Err(error) => Err(error),
    };
    let mut response = answer::respond(result, begun, &id);
    if let Some(days) = who.days_left {
        let name = HeaderName::from_static("x-oms-password-expires-in-days");
        response.headers_mut().insert(name, days.max(0).into());
    }
    response
}

impl Api {
    /// Tells the Coordinator that something changed.
    fn changed(&self) {
        self.bell.ring();
    }
}

/// What an action gives.
type Outcome = Result<Answer>;

//! `oms datasource`.

use super::args::{DatasourceCommand, Remote, SslArgs};
use super::client::Client;
use super::columns::{self, Column};
use super::{act, find, password, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use crate::cli::print;
use crate::datasource::mysql::{BinlogAddress, Endpoint, Secret, Tls, TlsFiles, TlsMode};
use crate::error::{Error, Kind, Result};
use serde_json::{Value, json};
use std::path::PathBuf;

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("TYPE", "type"),
    ("HOST", "ip"),
    ("PORT", "port"),
    ("USER", "userName"),
    ("VERSION", "version"),
    ("DESCRIPTION", "description"),
];

/// Runs the command.
pub async fn run(command: Remote<DatasourceCommand>, output: Output) -> Outcome {
    match command.command {
        DatasourceCommand::Create {
            name,
            url,
            tenant,
            cluster,
            password_file,
            ssl,
            binlog_address,
            description,
        } => {
            let mut endpoint = Endpoint::parse(&url)?;
            if let Some(address) = binlog_address {
                let wrong = |why| Error::new(Kind::ConfigInvalid, "--binlog-address").detail(why);
                endpoint.binlog = Some(address.parse().map_err(wrong)?);
            }
            if let Some(tls) = tls(&name, *ssl)? {
                endpoint.tls = tls;
            }
            let endpoint = with_password(endpoint, password_file)?;
            let client = Client::open(&command.api)?;
            let action = match url.starts_with("oceanbase:") {
                true => "CreateOceanBaseDataSource",
                false => "CreateMySqlDataSource",
            };
            let mut body = json!({
                "name": name, "ip": endpoint.host, "port": endpoint.port,
                "username": endpoint.user, "password": endpoint.password.reveal(),
                "useSsl": endpoint.tls.mode != TlsMode::Disabled, "description": description,
            });
            let tls = endpoint.tls;
            let mode = (tls.mode != TlsMode::Disabled).then(|| tls.mode.to_string());
            let key = tls.key.map(|key| key.reveal().to_owned());
            BinlogAddress::write_options(endpoint.binlog.as_ref(), &mut body);
            for (key, value) in [
                ("tenant", tenant),
                ("cluster", cluster),
                ("sslMode", mode),
                ("sslCa", tls.ca),
                ("sslCert", tls.cert),
                ("sslKey", key),
            ] {
                if let Some(value) = value {
                    body[key] = value.into();
                }
            }
            let data = client.call(action, body).await?.data;
            tell(output, &data, columns::cell)
        }
        DatasourceCommand::List { search } => {
            let client = Client::open(&command.api)?;
            let search = json!({ "searchKey": search.unwrap_or_default() });
            let all = Value::Array(client.pages("ListDataSource", search).await?);
            tell(output, &all, |all| columns::list(all, COLUMNS))
        }
        DatasourceCommand::Test { id } => {
            let client = Client::open(&command.api)?;
            let id = find::datasource(&client, &id).await?;
            let data = client
                .call("TestDataSource", json!({ "id": id }))
                .await?
                .data;
            tell(output, &data, |data| {
                let kind = columns::text_at(data, "type");
                let version = columns::text_at(data, "version");
                let way = columns::text_at(data, "logWay");
                format!("data source {id} can be used: {kind} {version}, changes by {way}")
            })
        }
        DatasourceCommand::Delete { id } => {
            let client = Client::open(&command.api)?;
            let id = find::datasource(&client, &id).await?;
            let done = format!("data source {id} is deleted");
            act(
                &client,
                output,
                "DeleteDataSource",
                json!({ "id": id }),
                &done,
            )
            .await
        }
    }
}

/// The settings of TLS, with what is in their files; `None`: nothing is said.
fn tls(name: &str, ssl: SslArgs) -> Result<Option<Tls>> {
    let Some(mode) = ssl.ssl_mode else {
        return Ok(None);
    };
    let wrong = |why: String| Error::new(Kind::ConfigInvalid, "--ssl-mode").detail(why);
    let files = TlsFiles {
        mode: mode.parse().map_err(wrong)?,
        ca: ssl.ssl_ca,
        cert: ssl.ssl_cert,
        key: ssl.ssl_key,
    };
    files.read(name).map(Some)
}

/// The address with its password. An account without one is possible: where none is given and nobody
/// can be asked, the server says whether it wants one.
fn with_password(mut endpoint: Endpoint, password_file: Option<PathBuf>) -> Result<Endpoint> {
    if !endpoint.password.reveal().is_empty() {
        print::warn(
            "the password of the data source stands in its URL; better give --password-file, or set OMS_DATASOURCE_PASSWORD",
        );
        return Ok(endpoint);
    }
    if let Some(file) = password_file {
        endpoint.password = password::from_file(&file)?;
    } else if let Ok(text) = std::env::var("OMS_DATASOURCE_PASSWORD") {
        endpoint.password = Secret::new(text);
    } else if password::can_ask() {
        endpoint.password = password::ask(&endpoint.to_string(), "Give --password-file FILE.")?;
    }
    Ok(endpoint)
}

//! Data sources: made after a successful login, listed without their passwords (reference 5.11).

use super::auth::Who;
use super::page::Page;
use super::permit::{Owners, forbidden};
use super::projects::time;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::datasource::mysql::{Endpoint, Flavour, Secret, Server};
use crate::error::Result;
use crate::metadata::{DataSource, DataSourceType, DataSourceUpdate, NewDataSource, new_id};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest name, characters.
const NAME_MAX: usize = 32;

/// Parameters that all kinds have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    name: String,
    ip: String,
    port: u16,
    username: String,
    /// In plain text, or in Base64 as the console's clients send it.
    #[serde(default)]
    password: String,
    /// TLS between us and the server.
    #[serde(default)]
    use_ssl: bool,
    /// Only for OceanBase: where not part of the user's name.
    tenant: Option<String>,
    cluster: Option<String>,
    r#type: Option<DataSourceType>,
    #[serde(default)]
    description: String,
}

/// `CreateMysqlDataSource`: MySQL, or MariaDB where that is what answers.
pub async fn create_mysql(api: &Api, who: &Who, wanted: Create) -> Outcome {
    create(
        api,
        who,
        wanted,
        &[DataSourceType::Mysql, DataSourceType::Mariadb],
    )
    .await
}

/// `CreateOceanBaseDataSource`: MySQL mode.
pub async fn create_oceanbase(api: &Api, who: &Who, wanted: Create) -> Outcome {
    create(api, who, wanted, &[DataSourceType::ObMysqlCe]).await
}

async fn create(api: &Api, who: &Who, wanted: Create, kinds: &[DataSourceType]) -> Outcome {
    if wanted.name.is_empty() || wanted.name.chars().count() > NAME_MAX || wanted.name.contains(' ')
    {
        return Err(invalid(
            "name",
            format!("it must have 1 to {NAME_MAX} characters and no space"),
        ));
    }
    let user = match (&wanted.tenant, &wanted.cluster) {
        (Some(tenant), _) if wanted.username.contains('@') => {
            return Err(invalid(
                "tenant",
                format!("'{tenant}' stands beside a username that has an '@'"),
            ));
        }
        (Some(tenant), Some(cluster)) => format!("{}@{tenant}#{cluster}", wanted.username),
        (Some(tenant), None) => format!("{}@{tenant}", wanted.username),
        (None, _) => wanted.username.clone(),
    };
    let (server, password) = login(&wanted, &user).await?;
    let kind = match server.flavour {
        Flavour::MySql => DataSourceType::Mysql,
        Flavour::MariaDb => DataSourceType::Mariadb,
        Flavour::OceanBase => DataSourceType::ObMysqlCe,
    };
    if !kinds.contains(&kind) || wanted.r#type.is_some_and(|t| t != kind) {
        return Err(invalid(
            "type",
            format!("the server at {}:{} is {kind}", wanted.ip, wanted.port),
        ));
    }
    let id = new_id("e_");
    let new = NewDataSource {
        password_cipher: api.secrets.seal(&id, &password)?,
        id: Some(id),
        name: wanted.name,
        kind,
        host: wanted.ip,
        port: wanted.port,
        username: user,
        options: json!({ "tls": wanted.use_ssl, "description": wanted.description }),
    };
    let sources = api.metadata.datasources();
    let row = sources.create_owned(new, Some(&who.id)).await?;
    let owners = Owners::load(api).await?;
    let action = match kind {
        DataSourceType::ObMysqlCe => "CreateOceanBaseDataSource",
        _ => "CreateMysqlDataSource",
    };
    if !owners.sees(who, action, row.owner.as_deref()) {
        let why = "may not use this server with this user: the data source is there, and another's";
        return Err(forbidden(who, action, why));
    }
    let update = DataSourceUpdate {
        version: Some(server.version),
        // the same server and account may be there with another password: this one just worked
        password_cipher: Some(api.secrets.seal(&row.id, &password)?),
        ..DataSourceUpdate::default()
    };
    api.metadata.datasources().update(&row.id, update).await?;
    Ok(Answer::of(row.id.into()))
}

/// Logs in with the password as it is, and as what it is the Base64 of.
async fn login(wanted: &Create, user: &str) -> Result<(Server, Secret)> {
    let endpoint = |password: &str| Endpoint {
        host: wanted.ip.clone(),
        port: wanted.port,
        user: user.to_owned(),
        password: Secret::new(password.to_owned()),
        tls: wanted.use_ssl,
    };
    let plain = endpoint(&wanted.password);
    let refused = match Server::open(&plain).await {
        Ok(server) => return Ok((server, plain.password)),
        Err(error) => error,
    };
    let decoded = STANDARD.decode(&wanted.password).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.filter(|text| !text.is_empty()) {
        Some(text) if refused.kind() == crate::error::Kind::AccessDenied => {
            let encoded = endpoint(&text);
            match Server::open(&encoded).await {
                Ok(server) => Ok((server, encoded.password)),
                Err(_) => Err(refused),
            }
        }
        _ => Err(refused),
    }
}

/// Parameters of `ListDataSource`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    search_key: Option<String>,
    types: Vec<DataSourceType>,
    page_number: Option<u64>,
    page_size: Option<u64>,
}

/// `ListDataSource`.
pub async fn list(api: &Api, who: &Who, wanted: List) -> Outcome {
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let owners = Owners::load(api).await?;
    let search = wanted.search_key.unwrap_or_default();
    let rows = api.metadata.datasources().list().await?;
    let rows = rows
        .into_iter()
        .flatten()
        .filter(|d| owners.sees(who, "ListDataSource", d.owner.as_deref()))
        .filter(|d| wanted.types.is_empty() || wanted.types.contains(&d.kind))
        .filter(|d| d.name.contains(&search) || d.id.contains(&search));
    let (rows, info) = page.cut(rows.collect());
    Ok(Answer {
        data: rows.iter().map(|d| item(d, &owners)).collect(),
        page: Some(info),
    })
}

fn item(d: &DataSource, owners: &Owners) -> Value {
    json!({
        "id": d.id, "name": d.name, "type": d.kind, "role": "MASTER",
        "owner": owners.account(d.owner.as_deref()),
        "ip": d.host, "port": d.port, "userName": d.username, "version": d.version,
        "description": d.options.get("description"),
        "gmtCreate": time(d.gmt_created), "gmtModified": time(d.gmt_modified),
    })
}

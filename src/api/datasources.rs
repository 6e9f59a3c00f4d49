//! Data sources: made after a successful login, listed without their passwords (reference 5.11).

use super::actions::ById;
use super::answer::understood;
use super::page::Page;
use super::permit::{Owners, forbidden};
use super::projects::time;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::config::stored::{Stored, sealed_tls_key};
use crate::datasource::mysql::{
    BinlogAddress, Endpoint, Flavour, LogWay, Secret, Server, Tls, TlsMode, log_way,
};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    DataSource, DataSourceType, DataSourceUpdate, NewDataSource, Project, ProjectFilter, new_id,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Longest name, characters.
const NAME_MAX: usize = 32;

/// Parameters that all kinds have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    name: String,
    ip: String,
    port: u16,
    username: String,
    /// In plain text, or in Base64 as the console's clients send it.
    #[serde(default)]
    password: String,
    /// TLS between us and the server, with everything checked: `VERIFY_IDENTITY` where `sslMode` says
    /// nothing.
    #[serde(default)]
    use_ssl: bool,
    /// What is encrypted and checked; `DISABLED` unless told.
    ssl_mode: Option<TlsMode>,
    /// PEM: the authorities that may have signed the server's certificate; the well-known ones unless told.
    ssl_ca: Option<String>,
    /// PEM: our certificate, with the chain behind it, where the server wants one.
    ssl_cert: Option<String>,
    /// PEM: its key, without a passphrase. It is stored encrypted and never shown.
    ssl_key: Option<String>,
    /// Only for OceanBase: where not part of the user's name.
    tenant: Option<String>,
    cluster: Option<String>,
    /// Where the server's change log is served, if not by itself: OceanBase's Binlog Service or the
    /// OBProxy in front of it, or a replica that logs what it replicates. It takes the same account and
    /// the same TLS settings.
    binlog_address: Option<BinlogAddress>,
    r#type: Option<DataSourceType>,
    #[serde(default)]
    description: String,
}

/// `CreateMysqlDataSource`: MySQL, or MariaDB where that is what answers.
pub async fn create_mysql(call: &Call<'_>, wanted: Create) -> Outcome {
    create(
        call,
        wanted,
        &[DataSourceType::Mysql, DataSourceType::Mariadb],
    )
    .await
}

/// `CreateOceanBaseDataSource`: MySQL mode.
pub async fn create_oceanbase(call: &Call<'_>, wanted: Create) -> Outcome {
    create(call, wanted, &[DataSourceType::ObMysqlCe]).await
}

async fn create(call: &Call<'_>, wanted: Create, kinds: &[DataSourceType]) -> Outcome {
    let (api, who) = (call.api, call.who);
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
    let tls = tls(&wanted)?;
    let binlog = wanted.binlog_address.clone();
    if let Some(problem) = binlog.as_ref().and_then(BinlogAddress::problem) {
        return Err(invalid(BinlogAddress::OPTION, problem));
    }
    let (server, password) = login(&wanted, &user, &tls).await?;
    log_way::try_address(&server.endpoint).await?;
    let kind = kind_of(server.flavour);
    if !kinds.contains(&kind) || wanted.r#type.is_some_and(|t| t != kind) {
        return Err(invalid(
            "type",
            format!("the server at {}:{} is {kind}", wanted.ip, wanted.port),
        ));
    }
    let id = new_id("e_");
    let sealer = api.secrets.sealer().await?;
    let write_options = |options: &mut Value| {
        tls.write_options(options);
        BinlogAddress::write_options(binlog.as_ref(), options);
    };
    let mut options = json!({ "description": wanted.description });
    write_options(&mut options);
    // neither its owner nor the one that is there already is taken away meanwhile
    let _one = api.life.lock().await;
    api.accounts.still(who).await?;
    let new = NewDataSource {
        password_cipher: sealer.seal(&id, &password)?,
        tls_key_cipher: sealed_tls_key(&sealer, &id, &tls)?,
        version: server.version.clone(),
        id: Some(id.clone()),
        name: wanted.name,
        kind,
        host: wanted.ip,
        port: wanted.port,
        username: user,
        options,
    };
    let sources = api.metadata.datasources();
    let row = sources.create_owned(new, Some(&who.id)).await?;
    if row.id == id {
        return Answer::of(row.id);
    }
    let owners = Owners::load(api).await?;
    let action = match kind {
        DataSourceType::ObMysqlCe => "CreateOceanBaseDataSource",
        _ => "CreateMysqlDataSource",
    };
    if !owners.sees(who, action, row.owner.as_deref()) {
        let why = "may not use this server with this user: the data source is there, and another's";
        return Err(forbidden(who, action, why));
    }
    let mut options = row.options;
    write_options(&mut options);
    let update = DataSourceUpdate {
        version: Some(server.version),
        // the same server and account may be there with another password: this one just worked
        password_cipher: Some(sealer.seal(&row.id, &password)?),
        tls_key_cipher: Some(sealed_tls_key(&sealer, &row.id, &tls)?),
        options: Some(options),
        ..DataSourceUpdate::default()
    };
    api.metadata.datasources().update(&row.id, update).await?;
    Answer::of(row.id)
}

fn kind_of(flavour: Flavour) -> DataSourceType {
    match flavour {
        Flavour::MySql => DataSourceType::Mysql,
        Flavour::MariaDb => DataSourceType::Mariadb,
        Flavour::OceanBase => DataSourceType::ObMysqlCe,
    }
}

/// The settings of TLS; an error names the parameter.
fn tls(wanted: &Create) -> Result<Tls> {
    let mode = match (wanted.ssl_mode, wanted.use_ssl) {
        (Some(TlsMode::Disabled), true) => {
            return Err(invalid("sslMode", "DISABLED stands beside useSsl"));
        }
        (Some(mode), _) => mode,
        (None, true) => TlsMode::VerifyIdentity,
        (None, false) => TlsMode::Disabled,
    };
    let given = |pem: &Option<String>| pem.clone().filter(|pem| !pem.trim().is_empty());
    let tls = Tls {
        mode,
        ca: given(&wanted.ssl_ca),
        cert: given(&wanted.ssl_cert),
        key: given(&wanted.ssl_key).map(Secret::new),
    };
    let parameter = |part| match part {
        "ca" => "sslCa",
        "cert" => "sslCert",
        "key" => "sslKey",
        _ => "sslMode",
    };
    match tls.check() {
        Ok(()) => Ok(tls),
        Err(problem) => Err(invalid(parameter(problem.part), problem.why)),
    }
}

/// Logs in with the password as it is, and as what it is the Base64 of.
async fn login(wanted: &Create, user: &str, tls: &Tls) -> Result<(Server, Secret)> {
    let endpoint = |password: &str| Endpoint {
        host: wanted.ip.clone(),
        port: wanted.port,
        user: user.to_owned(),
        password: Secret::new(password.to_owned()),
        tls: tls.clone(),
        binlog: wanted.binlog_address.clone(),
    };
    let plain = endpoint(&wanted.password);
    let refused = match Server::open(&plain).await {
        Ok(server) => return Ok((server, plain.password)),
        Err(error) => error,
    };
    let decoded = STANDARD.decode(&wanted.password).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match decoded.filter(|text| !text.is_empty()) {
        Some(text) if refused.kind() == Kind::AccessDenied => {
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
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    /// A part of the name or of the id.
    search_key: Option<String>,
    /// Of one of these kinds.
    types: Vec<DataSourceType>,
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// A data source.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataSourceItem {
    /// `e_…`.
    id: String,
    name: String,
    r#type: DataSourceType,
    /// `MASTER`.
    role: &'static str,
    owner: String,
    ip: String,
    port: u16,
    user_name: String,
    /// The server's version, as last seen.
    version: String,
    /// How connections to it are encrypted.
    ssl_mode: TlsMode,
    /// Where its change log is served, if not by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    binlog_address: Option<BinlogAddress>,
    description: Option<String>,
    /// When it was made, UTC.
    gmt_create: String,
    /// When it was written last, UTC.
    gmt_modified: String,
}

/// `ListDataSource`.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let owners = Owners::load(call.api).await?;
    let search = wanted.search_key.unwrap_or_default();
    let rows = call.api.metadata.datasources().list().await?;
    let (rows, broken) = understood(rows);
    let rows = rows
        .into_iter()
        .filter(|d| owners.sees(call.who, "ListDataSource", d.owner.as_deref()))
        .filter(|d| wanted.types.is_empty() || wanted.types.contains(&d.kind))
        .filter(|d| d.name.contains(&search) || d.id.contains(&search));
    let (rows, info) = page.cut(rows.collect());
    let items: Vec<_> = rows.iter().map(|d| item(d, &owners)).collect();
    Ok(Answer::page(items, info)?.without(call.who, &broken))
}

fn item(d: &DataSource, owners: &Owners) -> DataSourceItem {
    let description = d.options.get("description").and_then(Value::as_str);
    DataSourceItem {
        id: d.id.clone(),
        name: d.name.clone(),
        r#type: d.kind,
        role: "MASTER",
        owner: owners.account(d.owner.as_deref()).to_owned(),
        ip: d.host.clone(),
        port: d.port,
        user_name: d.username.clone(),
        version: d.version.clone(),
        ssl_mode: Tls::read_options(&d.options, None)
            .map(|tls| tls.mode)
            .unwrap_or_default(),
        binlog_address: BinlogAddress::read_options(&d.options).unwrap_or_default(),
        description: description.map(str::to_owned),
        gmt_create: time(d.gmt_created),
        gmt_modified: time(d.gmt_modified),
    }
}

/// What answers at a data source's address.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    r#type: DataSourceType,
    version: String,
    /// How its changes would be read: `BINLOG`, `BINLOG_SERVICE`, or `NONE`: not at all.
    log_way: LogWay,
}

/// Logs in to a stored data source.
pub(super) async fn login_to(api: &Api, row: &DataSource) -> Result<Server> {
    Server::open(&endpoint_of(api, row)?).await
}

/// The endpoint of a stored data source.
pub(super) fn endpoint_of(api: &Api, row: &DataSource) -> Result<Endpoint> {
    let stored = Stored {
        id: &row.id,
        host: &row.host,
        port: row.port,
        username: &row.username,
        password_cipher: &row.password_cipher,
        options: &row.options,
        tls_key_cipher: row.tls_key_cipher.as_deref(),
    };
    stored.endpoint(&api.secrets)
}

/// `TestDataSource`.
pub async fn test(call: &Call<'_>, wanted: ById) -> Outcome {
    let sources = call.api.metadata.datasources();
    let row = sources.get(&wanted.id).await?;
    let server = login_to(call.api, &row).await?;
    let update = DataSourceUpdate {
        version: Some(server.version.clone()),
        ..DataSourceUpdate::default()
    };
    sources.update(&row.id, update).await?;
    log_way::try_address(&server.endpoint).await?;
    Answer::of(Tested {
        log_way: LogWay::of(&server.endpoint, server.flavour),
        r#type: kind_of(server.flavour),
        version: server.version,
    })
}

/// `DeleteDataSource`.
pub async fn delete(call: &Call<'_>, wanted: ById) -> Outcome {
    // no project that uses it is made meanwhile
    let _one = call.api.life.lock().await;
    let metadata = &call.api.metadata;
    let row = metadata.datasources().get(&wanted.id).await?;
    let uses = |p: &Project| p.source_id == row.id || p.target_id == row.id;
    let projects = metadata.projects().list(&ProjectFilter::default()).await?;
    let users: Vec<_> = projects.into_iter().flatten().filter(uses).collect();
    if let Some(one) = users.first() {
        let what = format!("data source {}", row.id);
        return Err(Error::new(Kind::StateInvalid, what)
            .detail(format!(
                "{} projects use it, such as {} ({})",
                users.len(),
                one.id,
                one.name
            ))
            .remedy("Release and delete those projects first."));
    }
    metadata.datasources().delete(&row.id).await?;
    Ok(Answer::nothing())
}

//! `oms_datasource`.

use std::fmt;

use chrono::NaiveDateTime;
use entity::oms_datasource as d;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::Query};
use serde_json::Value;

use super::{
    DataSourceType, MetaError, Metadata, Row, StateText,
    access::{FromModel, is},
    retry::Twice,
    row::{Cells, id_or_new, json_text, now},
};

const TABLE: &str = "oms_datasource";

/// A data source.
#[derive(Clone, PartialEq)]
pub struct DataSource {
    /// `e_…`.
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// What kind.
    pub kind: DataSourceType,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The account.
    pub username: String,
    /// The password, encrypted; empty: none.
    pub password_cipher: String,
    /// TLS, character set, schema.
    pub options: Value,
    /// The server's version as last seen.
    pub version: String,
    /// What tells this server from another.
    pub server_identity: String,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
    /// Whose it is, an account's id; `None`: `ROOT`'s.
    pub owner: Option<String>,
    /// The key of the client certificate for TLS, encrypted; `None`: none.
    pub tls_key_cipher: Option<String>,
}

impl fmt::Debug for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSource")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl FromModel for DataSource {
    type Entity = d::Entity;

    fn from_model(row: d::Model) -> Row<Self> {
        let cells = Cells {
            table: TABLE,
            id: &row.id,
        };
        let port = cells.within("port", row.port, 0, i32::from(u16::MAX))?;
        Ok(Self {
            kind: cells.state("type", &row.r#type)?,
            options: cells.object("options", &row.options)?,
            port: port as u16,
            id: row.id,
            name: row.name,
            host: row.host,
            username: row.username,
            password_cipher: row.password_cipher,
            version: row.version,
            server_identity: row.server_identity,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
            owner: row.owner,
            tls_key_cipher: row.tls_key_cipher,
        })
    }
}

/// A data source to be made.
#[derive(Clone)]
pub struct NewDataSource {
    /// `e_…`; `None`: a new one.
    pub id: Option<String>,
    /// The user's name for it.
    pub name: String,
    /// What kind.
    pub kind: DataSourceType,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The account.
    pub username: String,
    /// The password, encrypted; empty: none.
    pub password_cipher: String,
    /// TLS, character set, schema; no secret.
    pub options: Value,
    /// The key of the client certificate, encrypted.
    pub tls_key_cipher: Option<String>,
    /// The server's version; empty: not seen yet.
    pub version: String,
}

/// What to write of a data source; `None` leaves as it is.
#[derive(Clone, Default)]
pub struct DataSourceUpdate {
    /// The user's name for it.
    pub name: Option<String>,
    /// The password, encrypted.
    pub password_cipher: Option<String>,
    /// Replaces the options.
    pub options: Option<Value>,
    /// Replaces the key of the client certificate, encrypted; `Some(None)`: there is none.
    pub tls_key_cipher: Option<Option<String>>,
    /// The server's version.
    pub version: Option<String>,
    /// What tells this server from another.
    pub server_identity: Option<String>,
}

/// The repository of `oms_datasource`.
#[derive(Clone, Copy)]
pub struct DataSources<'a>(pub(super) &'a Metadata);

impl DataSources<'_> {
    /// Makes a data source, or gives the one with this kind, host, port and account as it is.
    pub async fn create(self, new: NewDataSource) -> Result<DataSource, MetaError> {
        self.create_owned(new, None).await
    }

    /// As [`DataSources::create`], for an account; one that is there keeps its owner.
    pub async fn create_owned(
        self,
        new: NewDataSource,
        owner: Option<&str>,
    ) -> Result<DataSource, MetaError> {
        let time = now();
        let (kind, host, port, user) = (new.kind, new.host.clone(), new.port, new.username.clone());
        let model = d::ActiveModel {
            id: Set(id_or_new(new.id, "e_")),
            name: Set(new.name),
            r#type: Set(new.kind.text()),
            host: Set(new.host),
            port: Set(i32::from(new.port)),
            username: Set(new.username),
            password_cipher: Set(new.password_cipher),
            options: Set(json_text(&new.options)),
            version: Set(new.version),
            server_identity: Set(String::new()),
            gmt_created: Set(time),
            gmt_modified: Set(time),
            owner: Set(owner.map(str::to_owned)),
            tls_key_cipher: Set(new.tls_key_cipher),
        };
        let key = [
            d::Column::Type,
            d::Column::Host,
            d::Column::Port,
            d::Column::Username,
        ];
        self.0
            .insert_new::<d::Entity>("create a data source", vec![model], &key)
            .await?;
        match self.find_by_endpoint(kind, &host, port, &user).await? {
            Some(row) => Ok(row?),
            None => Err(MetaError::not_found(TABLE, format!("{host}:{port}"))),
        }
    }

    /// One data source.
    pub async fn get(self, id: &str) -> Result<DataSource, MetaError> {
        let select = d::Entity::find_by_id(id);
        self.0.one("read a data source", select, id).await
    }

    /// All data sources, the newest first.
    pub async fn list(self) -> Result<Vec<Row<DataSource>>, MetaError> {
        let select = d::Entity::find()
            .order_by_desc(d::Column::GmtCreated)
            .order_by_desc(d::Column::Id);
        self.0.rows("list data sources", select).await
    }

    /// The data source with this kind, host, port and account.
    pub async fn find_by_endpoint(
        self,
        kind: DataSourceType,
        host: &str,
        port: u16,
        username: &str,
    ) -> Result<Option<Row<DataSource>>, MetaError> {
        let select = d::Entity::find()
            .filter(d::Column::Type.eq(kind.text()))
            .filter(d::Column::Host.eq(host))
            .filter(d::Column::Port.eq(i32::from(port)))
            .filter(d::Column::Username.eq(username));
        self.0.maybe("find a data source", select).await
    }

    /// Writes what the update names. Data sources are the user's: they carry no epoch.
    pub async fn update(self, id: &str, update: DataSourceUpdate) -> Result<(), MetaError> {
        let mut statement = Query::update();
        statement
            .table(d::Entity)
            .value(d::Column::GmtModified, now())
            .and_where(is(d::Column::Id, id));
        let texts = [
            (d::Column::Name, update.name),
            (d::Column::PasswordCipher, update.password_cipher),
            (d::Column::Options, update.options.as_ref().map(json_text)),
            (d::Column::Version, update.version),
            (d::Column::ServerIdentity, update.server_identity),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                statement.value(column, text);
            }
        }
        if let Some(key) = update.tls_key_cipher {
            statement.value(d::Column::TlsKeyCipher, key);
        }
        let matched = self
            .0
            .execute("write a data source", Twice::Harmless, &statement)
            .await?;
        if matched == 0 {
            return Err(MetaError::not_found(TABLE, id));
        }
        Ok(())
    }

    /// Deletes a data source. What uses it is the caller's to know.
    pub async fn delete(self, id: &str) -> Result<(), MetaError> {
        let delete = Query::delete()
            .from_table(d::Entity)
            .and_where(is(d::Column::Id, id))
            .to_owned();
        self.0
            .execute("delete a data source", Twice::Harmless, &delete)
            .await
            .map(drop)
    }
}

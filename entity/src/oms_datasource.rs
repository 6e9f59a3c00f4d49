//! `oms_datasource`: the databases and queues that projects connect to.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A data source.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_datasource")]
pub struct Model {
    /// `e_` and base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// A [`DataSourceType`]. Unique together with host, port and username.
    #[sea_orm(column_name = "type")]
    pub r#type: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: i32,
    /// The account. Case counts.
    pub username: String,
    /// The password, encrypted with the key file; never plain, never logged. Empty: no password.
    #[sea_orm(column_type = "Text")]
    pub password_cipher: String,
    /// JSON object: TLS (mode, authority, client certificate), description. No secret.
    #[sea_orm(column_type = "Text")]
    pub options: String,
    /// The server's version as last seen; empty when not yet seen.
    pub version: String,
    /// What tells this server from another (server UUID or the like), so that a source that is its own
    /// target, or was exchanged, is noticed; empty when not yet seen.
    pub server_identity: String,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
    /// The `oms_user.id` of whom it belongs to; NULL: `ROOT`.
    pub owner: Option<String>,
    /// The key of the client certificate for TLS, encrypted as the password is; NULL: none.
    #[sea_orm(column_type = "Text", nullable)]
    pub tls_key_cipher: Option<String>,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

state! {
    /// The kinds of data sources.
    pub enum DataSourceType {
        /// MySQL.
        Mysql,
        /// MariaDB.
        Mariadb,
        /// OceanBase, MySQL mode, enterprise.
        ObMysql,
        /// OceanBase, MySQL mode, community (seekdb too).
        ObMysqlCe,
        /// OceanBase, Oracle mode.
        ObOracle,
        /// Oracle.
        Oracle,
        /// DB2 LUW.
        Db2Luw,
        /// Kafka.
        Kafka,
        /// RocketMQ.
        Rocketmq,
        /// DataHub.
        Datahub,
        /// Sybase.
        Sybase,
        /// OceanBase log proxy.
        Logproxy,
        /// AnalyticDB.
        Adb,
        /// DBP route.
        DbpOpRoute,
        /// DMS.
        Dms,
        /// iDB.
        Idb,
        /// TiDB.
        Tidb,
        /// PostgreSQL.
        Postgresql,
    }
}

//! `oms_node`: nodes, what they say of their hosts, and what they may run.
//!
//! Time is the database server's where there is one, so that nodes whose clocks differ agree on who is
//! there.

use entity::oms_node as n;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{Condition, EntityTrait, QueryOrder, Set};

use super::{
    MetaError, Metadata, Row, Written,
    access::{Fence, FromModel, Sets, is},
    retry::Twice,
    row::{Cells, now},
};

const TABLE: &str = "oms_node";
/// The most of a quota.
pub const QUOTA_MOST: i32 = 100_000;

/// What a host has in use, percent; None: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// CPU.
    pub cpu: Option<i32>,
    /// Memory.
    pub memory: Option<i32>,
    /// The disk with the Stores.
    pub disk: Option<i32>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// The port of its API.
    pub port: i32,
    /// Where it stands.
    pub region: String,
    /// Its version of `oms`.
    pub version: String,
    /// Its host.
    pub load: Load,
    /// Stores that it may have; None: any number.
    pub store_quota: Option<i32>,
    /// Full-Imports, Incr-Syncs and verifications that it may have; None: any number.
    pub connector_quota: Option<i32>,
    /// When it said so last, milliseconds since 1970 UTC by the clock of [`Nodes::now_ms`].
    pub heartbeat_at_ms: i64,
}

impl FromModel for NodeRow {
    type Entity = n::Entity;

    fn from_model(row: n::Model) -> Row<Self> {
        let cells = Cells {
            table: TABLE,
            id: &row.name,
        };
        let within = |column: &str, number: Option<i32>, most: i32| {
            let checked = number.map(|number| cells.within(column, number, 0, most));
            checked.transpose()
        };
        Ok(Self {
            load: Load {
                cpu: within("cpu_percent", row.cpu_percent, 100)?,
                memory: within("memory_percent", row.memory_percent, 100)?,
                disk: within("disk_percent", row.disk_percent, 100)?,
            },
            store_quota: within("store_quota", row.store_quota, QUOTA_MOST)?,
            connector_quota: within("connector_quota", row.connector_quota, QUOTA_MOST)?,
            name: row.name,
            ip: row.ip,
            port: row.port,
            region: row.region,
            version: row.version,
            heartbeat_at_ms: row.heartbeat_at_ms,
        })
    }
}

/// What a node says of itself.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Its name.
    pub name: String,
    /// Its address.
    pub ip: String,
    /// The port of its API.
    pub port: i32,
    /// Where it stands.
    pub region: String,
    /// Its version of `oms`.
    pub version: String,
    /// Its host.
    pub load: Load,
}

/// The repository of `oms_node`.
#[derive(Clone, Copy)]
pub struct Nodes<'a>(pub(super) &'a Metadata);

impl Nodes<'_> {
    /// All nodes by name.
    pub async fn list(self) -> Result<Vec<Row<NodeRow>>, MetaError> {
        let select = n::Entity::find().order_by_asc(n::Column::Name);
        self.0.rows("list nodes", select).await
    }

    /// A node, if it ever said that it is there.
    pub async fn find(self, name: &str) -> Result<Option<NodeRow>, MetaError> {
        let select = n::Entity::find_by_id(name);
        let row = self.0.maybe("read a node", select).await?;
        row.transpose().map_err(MetaError::from)
    }

    /// A node says that it is there, and how its host is. The first time makes its row.
    pub async fn beat(self, beat: Beat, epoch: i64) -> Result<Written, MetaError> {
        let at_ms = self.now_ms().await?;
        let time = now();
        let model = n::ActiveModel {
            name: Set(beat.name.clone()),
            ip: Set(beat.ip.clone()),
            port: Set(beat.port),
            region: Set(beat.region.clone()),
            version: Set(beat.version.clone()),
            epoch: Set(epoch),
            cpu_percent: Set(beat.load.cpu),
            memory_percent: Set(beat.load.memory),
            disk_percent: Set(beat.load.disk),
            store_quota: Set(None),
            connector_quota: Set(None),
            heartbeat_at_ms: Set(at_ms),
            gmt_created: Set(time),
            gmt_modified: Set(time),
        };
        let sets = Sets::new()
            .set(n::Column::Ip, beat.ip)
            .set(n::Column::Port, beat.port)
            .set(n::Column::Region, beat.region)
            .set(n::Column::Version, beat.version)
            .set(n::Column::CpuPercent, beat.load.cpu)
            .set(n::Column::MemoryPercent, beat.load.memory)
            .set(n::Column::DiskPercent, beat.load.disk);
        let written = self.write(&beat.name, sets, at_ms, epoch).await?;
        if written != Written::NotFound {
            return Ok(written);
        }
        let key = [n::Column::Name];
        let what = "make a node";
        self.0
            .insert_new::<n::Entity>(what, vec![model], &key)
            .await?;
        Ok(Written::Applied)
    }

    /// A node says that it ends.
    pub async fn end(self, name: &str, epoch: i64) -> Result<Written, MetaError> {
        self.write(name, Sets::new(), 0, epoch).await
    }

    /// How many components it may have: what is given is written, `Some(None)` is any number. False
    /// where there is no such node.
    pub async fn set_quota(
        self,
        name: &str,
        store: Option<Option<i32>>,
        connector: Option<Option<i32>>,
    ) -> Result<bool, MetaError> {
        let mut update = Query::update();
        update.table(n::Entity).value(n::Column::GmtModified, now());
        for (column, quota) in [
            (n::Column::StoreQuota, store),
            (n::Column::ConnectorQuota, connector),
        ] {
            if let Some(quota) = quota {
                update.value(column, Expr::val(quota));
            }
        }
        update.and_where(is(n::Column::Name, name));
        let what = "set a node's quota";
        Ok(self.0.execute(what, Twice::Harmless, &update).await? > 0)
    }

    /// The time of the database server; of this machine for SQLite.
    pub async fn now_ms(self) -> Result<i64, MetaError> {
        self.0.leases().now_ms().await
    }

    async fn write(
        self,
        name: &str,
        sets: Sets<n::Entity>,
        at_ms: i64,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let fence = Fence {
            what: "a node's heartbeat",
            key: Condition::all().add(is(n::Column::Name, name)),
            epoch_column: n::Column::Epoch,
            epoch,
            only_if: None,
        };
        let sets = sets
            .set(n::Column::HeartbeatAtMs, at_ms)
            .set(n::Column::GmtModified, now());
        self.0.write_fenced(fence, sets).await
    }
}

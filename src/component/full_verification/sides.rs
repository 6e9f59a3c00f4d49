//! Connections to both sides, as many pairs as slices may be compared at the same time.

use super::plan::{Key, Plan, Side};
use super::statement::read_keys;
use crate::component::share::{Share, Shares, Turn};
use crate::datasource::mysql::compare::{LiveColumn, RowStream, abandon, live_columns};
use crate::datasource::mysql::{Connection, Flavour, Server, Session};
use crate::error::{Error, Kind, Result};
use crate::model::row::Row;
use crate::model::table::TableName;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Keys in one `IN` list.
pub const KEYS_PER_QUERY: usize = 100;

/// Both servers, and the connections to them.
#[derive(Debug)]
pub struct Sides {
    /// The source.
    pub source: Server,
    /// The target.
    pub target: Server,
    idle: Mutex<Vec<Pair>>,
    permits: Arc<Semaphore>,
    share: Share,
}

/// One connection to each side.
#[derive(Debug)]
pub struct Pair {
    /// To the source.
    pub source: Connection,
    /// To the target.
    pub target: Connection,
}

impl Pair {
    /// The connection to a side.
    pub fn side(&mut self, side: Side) -> &mut Connection {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }
}

impl Sides {
    /// The server of a side.
    pub fn server(&self, side: Side) -> &Server {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// Room for so many pairs, each of which is used by turns of the node.
    pub fn new(source: Server, target: Server, pairs: usize, shares: &Shares) -> Arc<Self> {
        Arc::new(Self {
            source,
            target,
            idle: Mutex::new(Vec::new()),
            permits: Arc::new(Semaphore::new(pairs.max(1))),
            share: shares.join(pairs),
        })
    }

    /// Whether both servers tell `-0` from `0`: MariaDB does not store the sign.
    pub fn signed_zero(&self) -> bool {
        self.source.flavour != Flavour::MariaDb && self.target.flavour != Flavour::MariaDb
    }

    /// The columns of a table at the target; names in lower case where it keeps them so.
    pub async fn target_columns(&self, table: &TableName) -> Result<Vec<LiveColumn>> {
        let mut conn = self.target.session(Session::Plain).await?;
        let live = live_columns(&mut conn, table).await?;
        let lower = TableName::new(table.schema.to_lowercase(), table.name.to_lowercase());
        if !live.is_empty() || lower == *table {
            return Ok(live);
        }
        let keeps_lower: Option<u8> = conn
            .first(
                "asking the target for lower_case_table_names",
                "SELECT @@lower_case_table_names",
            )
            .await?;
        if keeps_lower == Some(1) {
            return live_columns(&mut conn, &lower).await;
        }
        Ok(live)
    }

    /// A pair, as soon as one is free.
    pub async fn lease(self: &Arc<Self>) -> Result<Lease> {
        let closed = |_| Error::new(Kind::Interrupted, "waiting for a connection");
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(closed)?;
        let turn = self.share.turn().await;
        let idle = self.idle.lock().pop();
        let pair = match idle {
            Some(pair) => pair,
            None => Pair {
                source: self.source.session(Session::Read).await?,
                target: self.target.session(Session::Read).await?,
            },
        };
        Ok(Lease {
            pair: Some(pair),
            sides: Arc::clone(self),
            _permit: permit,
            _turn: turn,
        })
    }
}

/// A pair in use. Given back with [`Lease::give_back`]; dropped otherwise, because rows may still
/// be on their way.
#[derive(Debug)]
pub struct Lease {
    pair: Option<Pair>,
    sides: Arc<Sides>,
    _permit: OwnedSemaphorePermit,
    _turn: Turn,
}

impl Lease {
    /// The pair.
    pub fn pair(&mut self) -> Result<&mut Pair> {
        self.pair
            .as_mut()
            .ok_or_else(|| Error::new(Kind::Internal, "a pair of connections was given back twice"))
    }

    /// Both connections are idle again.
    pub fn give_back(mut self) {
        if let Some(pair) = self.pair.take() {
            self.sides.idle.lock().push(pair);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(pair) = self.pair.take() {
            abandon(pair.source);
            abandon(pair.target);
        }
    }
}

/// Reads the rows that a side holds for keys, and hands each over with the place of its key.
///
/// A row belongs to a key if their values are the same; else, for keys of text, if the server's
/// collation takes them for the same. Keys that the side does not hold are not mentioned.
pub async fn fetch(
    conn: &mut Connection,
    plan: &Plan,
    side: Side,
    keys: &[&Key],
    key_only: bool,
    mut found: impl FnMut(usize, Row) + Send,
) -> Result<()> {
    for (chunk, keys) in keys.chunks(KEYS_PER_QUERY).enumerate() {
        let base = chunk * KEYS_PER_QUERY;
        let mut places: HashMap<Vec<u8>, usize> = HashMap::with_capacity(keys.len());
        for (at, key) in keys.iter().enumerate() {
            // the keys may come from either side; their classes agree on what is the same
            places.insert(plan.key_id(key), at);
        }
        let mut strays = false;
        let mut stream = start(conn, plan, side, keys, key_only).await?;
        while let Some(row) = stream.next().await? {
            let key = if key_only {
                row.clone()
            } else {
                plan.key_of(&row)
            };
            match places.remove(&plan.key_id(&key)) {
                Some(at) => found(base + at, row),
                None => strays = true,
            }
        }
        drop(stream);
        if !strays {
            continue;
        }
        let mut left: Vec<usize> = places.into_values().collect();
        left.sort_unstable();
        for at in left {
            let mut stream = start(conn, plan, side, &keys[at..=at], key_only).await?;
            let row = stream.next().await?;
            while stream.next().await?.is_some() {}
            drop(stream);
            if let Some(row) = row {
                found(base + at, row);
            }
        }
    }
    Ok(())
}

async fn start<'c>(
    conn: &'c mut Connection,
    plan: &Plan,
    side: Side,
    keys: &[&Key],
    key_only: bool,
) -> Result<RowStream<'c>> {
    let columns = if key_only {
        plan.key.len()
    } else {
        plan.columns.len()
    };
    RowStream::start(
        conn,
        read_keys(plan, side, keys, key_only).into_bytes(),
        columns,
        reading(plan, side),
    )
    .await
}

/// What is said in errors while a side is read.
pub fn reading(plan: &Plan, side: Side) -> String {
    let name = match side {
        Side::Source => "source",
        Side::Target => "target",
    };
    format!("reading {} at the {name}", plan.table(side))
}

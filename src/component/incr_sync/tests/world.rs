//! A random source: tables with every sort of key, a random history that the source's own unique
//! keys allow, its log, and a copy that was read while the history went on.

use super::sim::{Rows, Tables, Text, row};
use crate::component::log_source::LogSource;
use crate::error::Result;
use crate::model::change::{Change, DdlEvent, LogItem, Op, TableVersion, TxnPiece};
use crate::model::ddl::Ddl;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use crate::model::table::{Column, ColumnType, Key, KeyKind, KeyPart, KeyWhat, Table, TableName};
use futures::future::BoxFuture;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub fn position(offset: u64) -> Position {
    Position {
        file: "binlog.000001".to_owned(),
        offset,
        gtid: None,
        time_ms: 1_700_000_000_000 + offset,
    }
}

pub fn column(name: &str, ty: ColumnType, nullable: bool) -> Column {
    let character = ty.is_character();
    Column {
        name: name.to_owned(),
        ty,
        nullable,
        default: None,
        on_update_now: None,
        auto_increment: false,
        generated: None,
        comment: String::new(),
        charset: character.then(|| "utf8mb4".to_owned()),
        collation: character.then(|| "utf8mb4_general_ci".to_owned()),
        invisible: false,
    }
}

pub fn int(name: &str, nullable: bool) -> Column {
    let ty = ColumnType::Int {
        bytes: 4,
        unsigned: false,
        width: None,
        zerofill: false,
    };
    column(name, ty, nullable)
}

pub fn text(name: &str, nullable: bool) -> Column {
    column(name, ColumnType::Varchar(20), nullable)
}

pub fn key(name: &str, columns: &[&str]) -> Key {
    Key {
        name: name.to_owned(),
        kind: if name == "PRIMARY" {
            KeyKind::Primary
        } else {
            KeyKind::Unique
        },
        parts: columns
            .iter()
            .map(|c| KeyPart {
                what: KeyWhat::Column((*c).to_owned()),
                prefix: None,
                descending: false,
            })
            .collect(),
        comment: String::new(),
    }
}

pub fn table(name: &str, columns: Vec<Column>, keys: Vec<Key>) -> Table {
    Table {
        name: TableName::new("d", name),
        columns,
        keys,
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_general_ci".to_owned(),
        comment: String::new(),
        auto_increment: None,
        partition: None,
    }
}

/// Several unique keys, composite keys, text keys, nullable keys, no keys, a foreign key (`child.p`
/// to `parent.id`).
pub fn tables() -> Vec<Table> {
    vec![
        table(
            "many",
            vec![
                int("id", false),
                int("u", true),
                text("t", true),
                int("v", true),
            ],
            vec![key("PRIMARY", &["id"]), key("u", &["u"]), key("t", &["t"])],
        ),
        table(
            "pair",
            vec![int("v", true), int("a", false), text("b", false)],
            vec![key("PRIMARY", &["a", "b"])],
        ),
        table(
            "text",
            vec![text("k", false), int("x", true), int("y", true)],
            vec![key("PRIMARY", &["k"]), key("xy", &["x", "y"])],
        ),
        table("none", vec![int("a", true), text("b", true)], vec![]),
        table(
            "loose",
            vec![int("u", true), int("v", true)],
            vec![key("u", &["u"])],
        ),
        table(
            "parent",
            vec![int("id", false), text("v", true)],
            vec![key("PRIMARY", &["id"])],
        ),
        table(
            "child",
            vec![int("id", false), int("p", true), int("v", true)],
            vec![key("PRIMARY", &["id"])],
        ),
    ]
}

/// Whether a child has no parent: the source's foreign key allows no such state.
pub fn has_orphans(now: &Tables) -> bool {
    let rows = |name: &str| &now[&TableName::new("d", name)].rows;
    let is_parent = |id: &Text| rows("parent").iter().any(|parent| parent[0] == *id);
    rows("child")
        .iter()
        .any(|child| child[1].is_some() && !is_parent(&child[1]))
}

/// A source with its history.
pub struct World {
    pub items: Vec<LogItem>,
    /// The tables after each item.
    pub states: Vec<Tables>,
    pub end: Position,
}

const STEP: u64 = 100;

/// Plays `txns` random transactions.
pub fn world(seed: u64, txns: usize) -> World {
    let mut rng = SmallRng::seed_from_u64(seed);
    let versions: Vec<Arc<TableVersion>> = tables()
        .into_iter()
        .zip(1..)
        .map(|(table, id)| Arc::new(TableVersion { id, table }))
        .collect();
    let mut now: Tables = versions
        .iter()
        .map(|v| (v.table.name.clone(), Rows::new(&v.table)))
        .collect();
    let (mut items, mut states) = (Vec::new(), Vec::new());
    for i in 0..txns as u64 {
        let id = TxnId::from_file(1, 1000 + i * STEP);
        let end = position(1000 + (i + 1) * STEP);
        match rng.random_range(0..40) {
            0 => items.push(LogItem::Heartbeat(end)),
            1 => {
                let version = &versions[rng.random_range(0..versions.len())];
                let rows = &mut now.get_mut(&version.table.name).expect("table").rows;
                let before = std::mem::take(rows);
                if has_orphans(&now) {
                    now.get_mut(&version.table.name).expect("table").rows = before;
                    items.push(LogItem::Heartbeat(end));
                    states.push(now.clone());
                    continue;
                }
                items.push(LogItem::Ddl(DdlEvent {
                    id,
                    end,
                    schema: "d".to_owned(),
                    sql: "truncate".to_owned(),
                    ddl: Ddl::TruncateTable(version.table.name.clone()),
                    after: Vec::new(),
                }));
            }
            pieces @ 2..6 => {
                let mut changes = changes(&mut rng, &versions, &mut now, 8);
                for piece in 0..pieces {
                    let rest = changes.split_off(changes.len().min(2));
                    let last = piece + 1 == pieces;
                    items.push(LogItem::Txn(TxnPiece {
                        id,
                        piece,
                        end: last.then(|| end.clone()),
                        changes: if last {
                            changes.drain(..).chain(rest.clone()).collect()
                        } else {
                            changes
                        },
                    }));
                    changes = rest;
                    if !last {
                        // only the state after the whole transaction was ever visible
                        states.push(states.last().cloned().unwrap_or_else(|| empty(&versions)));
                    }
                }
            }
            _ => {
                let size = rng.random_range(1..5);
                let changes = changes(&mut rng, &versions, &mut now, size);
                items.push(LogItem::Txn(TxnPiece {
                    id,
                    piece: 0,
                    end: Some(end),
                    changes,
                }));
            }
        }
        states.push(now.clone());
    }
    World {
        items,
        states,
        end: position(1000 + txns as u64 * STEP),
    }
}

fn empty(versions: &[Arc<TableVersion>]) -> Tables {
    versions
        .iter()
        .map(|v| (v.table.name.clone(), Rows::new(&v.table)))
        .collect()
}

fn changes(
    rng: &mut SmallRng,
    versions: &[Arc<TableVersion>],
    now: &mut Tables,
    size: usize,
) -> Vec<Change> {
    let mut out = Vec::new();
    for _ in 0..size {
        let version = &versions[rng.random_range(0..versions.len())];
        let rows = now.get_mut(&version.table.name).expect("table");
        let before = rows.rows.clone();
        if let Some(op) = change(rng, &version.table, rows) {
            if has_orphans(now) {
                // the source refuses it
                now.get_mut(&version.table.name).expect("table").rows = before;
                continue;
            }
            let table = Arc::clone(version);
            out.push(Change { table, op });
        }
    }
    out
}

fn change(rng: &mut SmallRng, table: &Table, rows: &mut Rows) -> Option<Op> {
    let new = values(rng, table);
    let kind = rng.random_range(0..10);
    if rows.rows.is_empty() || kind < 4 {
        if !rows.clashing(&new, None).is_empty() {
            return None;
        }
        rows.rows.push(new.clone());
        return Some(Op::Insert(row(&new)));
    }
    let at = rng.random_range(0..rows.rows.len());
    let old = rows.rows[at].clone();
    if kind < 6 {
        rows.rows.remove(at);
        return Some(Op::Delete(row(&old)));
    }
    // some columns change, so that keys often stay
    let new: Vec<Text> = old
        .iter()
        .zip(new)
        .map(|(old, new)| {
            if rng.random_bool(0.5) {
                new
            } else {
                old.clone()
            }
        })
        .collect();
    if new == old || !rows.clashing(&new, Some(at)).is_empty() {
        return None;
    }
    rows.rows[at] = new.clone();
    Some(Op::Update {
        old: row(&old),
        new: row(&new),
    })
}

fn values(rng: &mut SmallRng, table: &Table) -> Vec<Text> {
    table
        .columns
        .iter()
        .map(|column| {
            if column.nullable && rng.random_range(0..5) == 0 {
                return None;
            }
            Some(if column.ty.is_character() {
                let texts = ["a", "A", "ä", "a ", "b", "B ", "c", "ö"];
                texts[rng.random_range(0..texts.len())].to_owned()
            } else {
                rng.random_range(0..6).to_string()
            })
        })
        .collect()
}

impl World {
    /// A copy as a full import makes it that began at item `from` and ended at item `to`: each row
    /// as it was at some time in between, later writes over earlier ones. Tables without a row key
    /// are read at one position, which is returned.
    pub fn copy(
        &self,
        from: usize,
        to: usize,
        seed: u64,
    ) -> (Tables, HashMap<TableName, Position>) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut starts = HashMap::new();
        let mut out = Tables::new();
        for (name, rows) in &self.states[0] {
            let mut copy = Rows::new(&rows.table);
            if let Some(key) = rows.table.row_key() {
                let at = |rng: &mut SmallRng| &self.states[rng.random_range(from..=to)][name];
                let mut keys: Vec<Vec<Text>> = self.states[from..=to]
                    .iter()
                    .flat_map(|s| &s[name].rows)
                    .map(|r| key.iter().map(|&c| r[c].clone()).collect())
                    .collect();
                keys.sort();
                keys.dedup();
                while !keys.is_empty() {
                    let wanted = keys.swap_remove(rng.random_range(0..keys.len()));
                    let seen = at(&mut rng)
                        .rows
                        .iter()
                        .find(|r| key.iter().zip(&wanted).all(|(&c, w)| r[c] == *w));
                    if let Some(seen) = seen {
                        copy.replace(seen.clone());
                    }
                }
            } else {
                // a state between two items that is not inside of a transaction
                let visible: Vec<usize> = (from..=to)
                    .filter(|&i| self.items[i].end().is_some())
                    .collect();
                let at = visible[rng.random_range(0..visible.len())];
                copy.rows = self.states[at][name].rows.clone();
                starts.insert(name.clone(), self.items[at].end().expect("end").clone());
            }
            out.insert(name.clone(), copy);
        }
        (out, starts)
    }
}

/// The log in memory.
pub struct MemoryLog {
    items: Vec<LogItem>,
    at: usize,
    rng: SmallRng,
}

impl MemoryLog {
    pub fn new(items: &[LogItem], from: &Position, seed: u64) -> Self {
        let behind = |item: &LogItem| match item {
            LogItem::Txn(piece) => piece.id >= from.txn_id(),
            LogItem::Ddl(ddl) => ddl.id >= from.txn_id(),
            LogItem::Heartbeat(position) => position.txn_id() > from.txn_id(),
        };
        let at = items.iter().position(behind).unwrap_or(items.len());
        Self {
            items: items.to_vec(),
            at,
            rng: SmallRng::seed_from_u64(seed),
        }
    }
}

impl LogSource for MemoryLog {
    fn next(&mut self) -> BoxFuture<'_, Result<LogItem>> {
        Box::pin(async move {
            if self.at >= self.items.len() {
                return std::future::pending().await;
            }
            if self.rng.random_range(0..4) == 0 {
                tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..10))).await;
            }
            let item = self.items[self.at].clone();
            self.at += 1;
            Ok(item)
        })
    }

    fn tip(&self) -> Option<Position> {
        self.items.iter().rev().find_map(|item| item.end().cloned())
    }
}

//! What the application wrote at a source between two positions of its log, as the Store holds it: to
//! find out whether a source that is said to be stopped still gets writes.
//!
//! The Store's log has no heartbeats as transactions, nothing that is out of its scope, and nothing
//! that the project's other direction wrote, so whatever is found came from elsewhere.

use super::log_source::OpenLog;
use crate::error::{Error, Kind, Result};
use crate::model::change::{DdlEvent, LogItem, TxnPiece};
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use crate::model::table::TableName;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was written to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableWrites {
    /// The table; with the name `*` for a statement that does not name its tables.
    pub table: TableName,
    /// Transactions that changed rows of it.
    pub transactions: u64,
    /// Rows that they inserted, updated or deleted.
    pub changes: u64,
    /// DDL statements that named it, or (TRUNCATE) emptied it.
    pub ddl: u64,
    /// Place in the source's log of the first of all these…
    pub first: TxnId,
    /// … and of the last.
    pub last: TxnId,
}

/// What the log holds of tables that `filter` matches from the position `from` (included) to `to`
/// (excluded), by table. Waits up to `within` until the Store has come to `to`.
///
/// # Errors
/// [`Kind::Unresponsive`] where the Store did not come so far; else as the log cannot be read.
pub async fn writes_between(
    open_log: &OpenLog,
    filter: &ObjectFilter,
    from: &Position,
    to: &Position,
    within: Duration,
) -> Result<Vec<TableWrites>> {
    let mut found = Found {
        filter,
        from: from.txn_id(),
        to: to.txn_id(),
        counted: None,
        tables: BTreeMap::new(),
    };
    if found.from >= found.to {
        return Ok(Vec::new());
    }
    let mut log = open_log(from.clone()).await?;
    let read = async {
        while !found.take(log.next().await?) {}
        Ok::<(), Error>(())
    };
    match tokio::time::timeout(within, read).await {
        Ok(read) => read?,
        Err(_) => {
            let what = format!("looking for writes between {from} and {to}");
            let tip = log
                .tip()
                .map_or_else(|| "nothing".to_owned(), |tip| tip.to_string());
            return Err(Error::new(Kind::Unresponsive, what).detail(format!(
                "the Store holds the log up to {tip} after {} ms",
                within.as_millis()
            )));
        }
    }
    Ok(found.tables.into_values().collect())
}

struct Found<'f> {
    filter: &'f ObjectFilter,
    from: TxnId,
    to: TxnId,
    /// The transaction that is being read, and the tables that it was counted for.
    counted: Option<(TxnId, Vec<TableName>)>,
    tables: BTreeMap<TableName, TableWrites>,
}

impl Found<'_> {
    /// Takes an item in; whether it was the last one.
    fn take(&mut self, item: LogItem) -> bool {
        let id = match &item {
            LogItem::Txn(piece) => Some(piece.id),
            LogItem::Ddl(event) => Some(event.id),
            LogItem::Heartbeat(_) => None,
        };
        if id.is_some_and(|id| id >= self.to) {
            return true;
        }
        let is_over = item.end().is_some_and(|end| end.txn_id() >= self.to);
        if id.is_none_or(|id| id >= self.from) {
            match item {
                LogItem::Txn(piece) => self.txn(piece),
                LogItem::Ddl(event) => self.ddl(&event),
                LogItem::Heartbeat(_) => {}
            }
        }
        is_over
    }

    fn txn(&mut self, piece: TxnPiece) {
        if self.counted.as_ref().is_none_or(|(id, _)| *id != piece.id) {
            self.counted = Some((piece.id, Vec::new()));
        }
        for change in &piece.changes {
            let name = &change.table.table.name;
            if !self.filter.matches(name) {
                continue;
            }
            let is_new = match &mut self.counted {
                Some((_, tables)) if !tables.contains(name) => {
                    tables.push(name.clone());
                    true
                }
                _ => false,
            };
            let table = self.table(name, piece.id);
            table.changes += 1;
            table.transactions += u64::from(is_new);
        }
    }

    fn ddl(&mut self, event: &DdlEvent) {
        let named = event.ddl.tables();
        if named.is_empty() {
            // it may be about any table
            let any = TableName::new(event.schema.as_str(), "*");
            self.table(&any, event.id).ddl += 1;
        }
        for name in named {
            if self.filter.matches(name) {
                self.table(name, event.id).ddl += 1;
            }
        }
    }

    fn table(&mut self, name: &TableName, id: TxnId) -> &mut TableWrites {
        let table = self
            .tables
            .entry(name.clone())
            .or_insert_with(|| TableWrites {
                table: name.clone(),
                transactions: 0,
                changes: 0,
                ddl: 0,
                first: id,
                last: id,
            });
        table.last = id;
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::log_source::LogSource;
    use crate::model::change::{Change, Op, TableVersion};
    use crate::model::ddl::Ddl;
    use crate::model::row::Row;
    use crate::model::table::Table;
    use futures::future::BoxFuture;
    use std::collections::VecDeque;
    use std::sync::Arc;

    fn at(offset: u64) -> Position {
        Position {
            file: "b.000001".to_owned(),
            offset,
            gtid: None,
            time_ms: 0,
        }
    }

    /// A log that waits for ever at its end.
    struct Items(VecDeque<LogItem>);

    impl LogSource for Items {
        fn next(&mut self) -> BoxFuture<'_, Result<LogItem>> {
            match self.0.pop_front() {
                Some(item) => Box::pin(async { Ok(item) }),
                None => Box::pin(std::future::pending()),
            }
        }

        fn tip(&self) -> Option<Position> {
            self.0.back().and_then(LogItem::end).cloned()
        }
    }

    fn piece(id: u64, number: u32, end: Option<u64>, tables: &[&str]) -> LogItem {
        let changes = tables
            .iter()
            .map(|name| Change {
                table: Arc::new(TableVersion {
                    id: 1,
                    table: Table {
                        name: TableName::new("d", *name),
                        columns: Vec::new(),
                        keys: Vec::new(),
                        foreign_keys: Vec::new(),
                        checks: Vec::new(),
                        charset: String::new(),
                        collation: String::new(),
                        comment: String::new(),
                        auto_increment: None,
                        partition: None,
                    },
                }),
                op: Op::Insert(Row(bytes::Bytes::new())),
            })
            .collect();
        LogItem::Txn(TxnPiece {
            id: at(id).txn_id(),
            piece: number,
            end: end.map(at),
            changes,
        })
    }

    fn statement(id: u64, end: u64, ddl: Ddl) -> LogItem {
        LogItem::Ddl(DdlEvent {
            id: at(id).txn_id(),
            end: at(end),
            schema: "d".to_owned(),
            sql: String::new(),
            ddl,
            after: Vec::new(),
        })
    }

    async fn found(from: u64, to: u64) -> Result<Vec<(String, u64, u64, u64, u64, u64)>> {
        let items = [
            piece(100, 0, Some(200), &["a"]),
            LogItem::Heartbeat(at(250)),
            piece(300, 0, None, &["a", "b", "a"]),
            piece(300, 1, Some(400), &["a", "x"]),
            statement(400, 500, Ddl::TruncateTable(TableName::new("d", "b"))),
            statement(500, 600, Ddl::DropSchema("e".to_owned())),
            piece(600, 0, Some(700), &["a"]),
        ];
        let open: OpenLog = Arc::new(move |from| {
            let items = items
                .iter()
                .filter(|item| item.end().is_none_or(|end| end.offset > from.offset))
                .cloned()
                .collect();
            Box::pin(async move { Ok(Box::new(Items(items)) as Box<dyn LogSource>) })
        });
        let filter = ObjectFilter {
            include: vec!["d.*".to_owned()],
            exclude: vec!["d.x".to_owned()],
        };
        let within = Duration::from_millis(50);
        let writes = writes_between(&open, &filter, &at(from), &at(to), within).await?;
        Ok(writes
            .into_iter()
            .map(|w| {
                (
                    w.table.name,
                    w.transactions,
                    w.changes,
                    w.ddl,
                    w.first.offset(),
                    w.last.offset(),
                )
            })
            .collect())
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_between_two_positions_is_counted_once() {
        let all = found(100, 700).await.expect("all");
        assert_eq!(
            all,
            [
                ("*".to_owned(), 0, 0, 1, 500, 500),
                ("a".to_owned(), 3, 5, 0, 100, 600),
                ("b".to_owned(), 1, 1, 1, 300, 400),
            ]
        );
        assert_eq!(found(200, 300).await.expect("nothing"), []);
        assert_eq!(found(700, 100).await.expect("nothing"), []);
        let one = found(200, 400).await.expect("one transaction");
        assert_eq!(one.len(), 2, "{one:?}");
        assert_eq!((one[0].1, one[0].2), (1, 3));
        let error = found(100, 800).await.expect_err("the log is not there yet");
        assert_eq!(error.kind(), Kind::Unresponsive, "{error}");
    }
}

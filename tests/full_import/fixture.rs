//! Tables of many kinds, the memory of slices without a database, and the work as tests start it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::BoxFuture;
use oms::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use oms::component::full_import::{FullImportWork, Slice, SliceStore, TableProvider};
use oms::component::share::Shares;
use oms::datasource::mysql::Endpoint;
use oms::error::{Error, Kind, Result};
use oms::model::options::FullImportOptions;
use oms::model::table::{Column, ColumnType, Key, KeyKind, KeyPart, KeyWhat, Table, TableName};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::harness::Server;

/// Slices in memory, fenced like those in rm.
#[derive(Default)]
pub struct MemorySlices {
    pub tables: Mutex<HashMap<TableName, Vec<Slice>>>,
    newest: AtomicI64,
}

impl MemorySlices {
    fn fence(&self, epoch: i64) -> Result<()> {
        if self.newest.fetch_max(epoch, Ordering::SeqCst) > epoch {
            return Err(Error::new(Kind::Fenced, "writing a slice"));
        }
        Ok(())
    }

    /// The slices of a table.
    pub fn of(&self, table: &TableName) -> Vec<Slice> {
        self.tables.lock().get(table).cloned().unwrap_or_default()
    }
}

impl SliceStore for MemorySlices {
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Vec<Slice>>>> {
        Box::pin(async move { Ok(self.tables.lock().get(table).cloned()) })
    }

    fn save_plan<'a>(
        &'a self,
        epoch: i64,
        table: &'a TableName,
        slices: &'a [Slice],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.fence(epoch)?;
            self.tables.lock().insert(table.clone(), slices.to_vec());
            Ok(())
        })
    }

    fn update<'a>(
        &'a self,
        epoch: i64,
        table: &'a TableName,
        slice: &'a Slice,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.fence(epoch)?;
            // a real one goes to a database: a point at which the work can be killed
            tokio::task::yield_now().await;
            let mut tables = self.tables.lock();
            let place = tables
                .get_mut(table)
                .and_then(|slices| slices.iter_mut().find(|s| s.no == slice.no));
            *place.ok_or_else(|| Error::new(Kind::NotFound, "writing a slice"))? = slice.clone();
            Ok(())
        })
    }
}

/// Tables that do not change.
pub struct Fixed(pub Vec<Table>);

impl TableProvider for Fixed {
    fn tables(&self) -> BoxFuture<'_, Result<Vec<Table>>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

/// One copy with its memory, over several runs.
pub struct Copy {
    pub source: Endpoint,
    pub target: Endpoint,
    pub tables: Vec<Table>,
    /// Gives the tables instead, where there is one.
    pub provider: Option<Arc<dyn TableProvider>>,
    pub options: FullImportOptions,
    pub slices: Arc<MemorySlices>,
    pub epoch: i64,
    pub progress: Arc<ProgressCell>,
    pub cancel: CancellationToken,
}

impl Copy {
    pub fn new(source: &Server, target: &Server, tables: Vec<Table>) -> Self {
        let endpoint = |server: &Server| Endpoint::parse(&server.url()).expect("a valid URL");
        Self {
            source: endpoint(source),
            target: endpoint(target),
            tables,
            provider: None,
            options: FullImportOptions {
                workers: 4,
                slice_bytes: 64 << 10,
                batch_bytes: 16 << 10,
                ..FullImportOptions::default()
            },
            slices: Arc::default(),
            epoch: 0,
            progress: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }

    /// A new generation of the work.
    pub fn start(&mut self) -> BoxFuture<'static, Result<Finish>> {
        self.epoch += 1;
        self.cancel = CancellationToken::new();
        self.same_generation(self.epoch)
    }

    pub fn same_generation(&self, epoch: i64) -> BoxFuture<'static, Result<Finish>> {
        let work = FullImportWork {
            throttle: Arc::default(),
            shares: Shares::default(),
            source: self.source.clone(),
            target: self.target.clone(),
            tables: match &self.provider {
                Some(provider) => Arc::clone(provider),
                None => Arc::new(Fixed(self.tables.clone())),
            },
            options: self.options.clone(),
            slices: self.slices.clone(),
        };
        let assignment = Assignment {
            component: "127.0.0.1-1:full:0000000001".into(),
            project: "np_test".into(),
            step: "s_test".into(),
            epoch,
        };
        let context = Context::new(assignment, self.cancel.clone(), self.progress.clone());
        Box::new(work).run(context)
    }
}

pub fn int() -> ColumnType {
    ColumnType::Int {
        bytes: 8,
        unsigned: false,
        width: None,
        zerofill: false,
    }
}

/// A table in database `d` with a key over these columns (none: keyless). All columns are nullable
/// but those of the key.
pub fn table(name: &str, columns: &[(&str, ColumnType)], key: &[&str], unique: &[&str]) -> Table {
    let column = |name: &str, ty: &ColumnType| Column {
        name: name.to_owned(),
        charset: ty.is_character().then(|| "utf8mb4".to_owned()),
        collation: ty.is_character().then(|| "utf8mb4_general_ci".to_owned()),
        ty: ty.clone(),
        nullable: !key.contains(&name),
        default: None,
        on_update_now: None,
        auto_increment: false,
        generated: None,
        comment: String::new(),
        invisible: false,
    };
    let make_key = |name: &str, kind, columns: &[&str]| Key {
        name: name.to_owned(),
        kind,
        parts: columns
            .iter()
            .map(|&c| KeyPart {
                what: KeyWhat::Column(c.to_owned()),
                prefix: None,
                descending: false,
            })
            .collect(),
        comment: String::new(),
    };
    let mut keys = Vec::new();
    if !key.is_empty() {
        keys.push(make_key("PRIMARY", KeyKind::Primary, key));
    }
    if !unique.is_empty() {
        keys.push(make_key("u", KeyKind::Unique, unique));
    }
    Table {
        name: TableName::new("d", name),
        columns: columns.iter().map(|(n, t)| column(n, t)).collect(),
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

/// Numbers 0 to 9,999 as a derived table `n (x)`.
pub const NUMBERS: &str = "(SELECT a.d + 10*b.d + 100*c.d + 1000*e.d x FROM \
    (SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) a, \
    (SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) b, \
    (SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) c, \
    (SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) e) n";

/// The tables of the copy tests: definition, DDL without engine options, and the rows.
pub fn zoo() -> Vec<(Table, &'static str, String)> {
    let from = |rows: u32| format!("FROM {NUMBERS} WHERE x < {rows}");
    let varchar = || ColumnType::Varchar(60);
    vec![
        (
            table(
                "orders",
                &[
                    ("id", int()),
                    ("name", varchar()),
                    ("note", ColumnType::Text(2)),
                    (
                        "amount",
                        ColumnType::Decimal {
                            precision: 12,
                            scale: 3,
                            unsigned: false,
                            zerofill: false,
                        },
                    ),
                    (
                        "f",
                        ColumnType::Float {
                            unsigned: false,
                            digits: None,
                        },
                    ),
                    (
                        "d",
                        ColumnType::Double {
                            unsigned: false,
                            digits: None,
                        },
                    ),
                    ("raw", ColumnType::Varbinary(40)),
                    ("bits", ColumnType::Bit(9)),
                    ("at", ColumnType::Timestamp(6)),
                    (
                        "kind",
                        ColumnType::Enum(vec!["a".to_owned(), "b".to_owned()]),
                    ),
                ],
                &["id"],
                &[],
            ),
            "id BIGINT PRIMARY KEY, name VARCHAR(60), note TEXT, amount DECIMAL(12,3), f FLOAT, d DOUBLE, \
             raw VARBINARY(40), bits BIT(9), at TIMESTAMP(6) NULL, kind ENUM('a','b')",
            format!(
                "SELECT x*7-9000, CONCAT('o''\\\\', x, '\u{20ac}\u{1f600}'), IF(x%3, REPEAT('ab\\n', x%50), NULL), (x-5000)/7, x/3, SQRT(x)*1e10, \
                 UNHEX(CONCAT('00FF27', HEX(x*1000000), '0')), x%512, FROM_UNIXTIME(1000000000+x*86399.123456), IF(x%2, 'a', 'b') {}",
                from(9000)
            ),
        ),
        (
            table(
                "pairs",
                &[("a", int()), ("b", varchar()), ("v", varchar())],
                &["a", "b"],
                &[],
            ),
            "a BIGINT NOT NULL, b VARCHAR(60) NOT NULL, v VARCHAR(60), PRIMARY KEY (a, b)",
            format!(
                "SELECT x%7, CONCAT(CHAR(97+x%26 USING utf8mb4), '''', x), REPEAT('v', x%40) {}",
                from(6000)
            ),
        ),
        (
            table(
                "days",
                &[("day", ColumnType::Datetime(0)), ("v", int())],
                &["day"],
                &[],
            ),
            "day DATETIME NOT NULL PRIMARY KEY, v BIGINT",
            format!(
                "SELECT DATE_ADD('1999-12-31 00:00:00', INTERVAL x*3607 SECOND), x {}",
                from(3000)
            ),
        ),
        (
            table(
                "blobs",
                &[("k", ColumnType::Varbinary(20)), ("v", ColumnType::Blob(3))],
                &["k"],
                &[],
            ),
            "k VARBINARY(20) NOT NULL PRIMARY KEY, v MEDIUMBLOB",
            format!(
                "SELECT UNHEX(LPAD(HEX(x*1000003), 20, '0')), REPEAT(UNHEX('00275CFF'), x) {}",
                from(600)
            ),
        ),
        (
            table(
                "choices",
                &[
                    (
                        "k",
                        ColumnType::Enum(["z", "y", "a"].map(str::to_owned).to_vec()),
                    ),
                    ("v", varchar()),
                ],
                &["k"],
                &[],
            ),
            "k ENUM('z','y','a') NOT NULL PRIMARY KEY, v VARCHAR(60)",
            "VALUES ('z', 'one'), ('a', 'two'), ('y', 'three')".to_owned(),
        ),
        (
            table(
                "uniq",
                &[("id", int()), ("u", int()), ("v", varchar())],
                &["id"],
                &["u"],
            ),
            "id BIGINT PRIMARY KEY, u BIGINT, v VARCHAR(60), UNIQUE KEY u (u)",
            format!("SELECT x, 10000-x, REPEAT('u', 50) {}", from(5000)),
        ),
        (
            table("nokey", &[("n", int()), ("v", varchar())], &[], &[]),
            "n BIGINT, v VARCHAR(60)",
            format!(
                "SELECT x%100, IF(x%5, REPEAT('k', x%60), NULL) {}",
                from(8000)
            ),
        ),
        (
            table("empty", &[("id", int())], &["id"], &[]),
            "id BIGINT PRIMARY KEY",
            String::new(),
        ),
    ]
}

/// Makes the tables on both sides and fills the source; returns the definitions.
pub async fn make_zoo(source: &Server, target: &Server) -> Vec<Table> {
    let create = "DROP DATABASE IF EXISTS d; CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;";
    source.exec(create).await;
    target.exec(create).await;
    let mut tables = Vec::new();
    for (table, ddl, rows) in zoo() {
        let name = table.name.quoted();
        let ddl = format!("CREATE TABLE {name} ({ddl})");
        source.exec(&ddl).await;
        target.exec(&ddl).await;
        if !rows.is_empty() {
            source.exec(&format!("INSERT INTO {name} {rows}")).await;
        }
        tables.push(table);
    }
    source
        .exec("ANALYZE TABLE d.orders, d.pairs, d.days, d.blobs, d.uniq, d.nokey")
        .await;
    tables
}

/// Fails unless all tables are equal on both sides.
pub async fn assert_equal(source: &Server, target: &Server, tables: &[Table]) {
    let names: Vec<_> = tables.iter().map(|t| t.name.to_string()).collect();
    let (mut here, mut there) = (source.conn().await, target.conn().await);
    let found = crate::harness::compare_tables(&mut here, &mut there, &names, 5)
        .await
        .expect("compare");
    assert_eq!(found, []);
}

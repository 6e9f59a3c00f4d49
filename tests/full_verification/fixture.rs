//! Definitions read from a server, a log in memory, and the work as tests start it.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use mysql_async::prelude::Queryable;
use oms::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use oms::component::full_verification::{
    Counts, DiffKind, Difference, FullVerificationWork, NobodyTells, Passed, Progressed,
    ResultType, TableOutcome, TablePair, TableProvider, VerifyLog,
};
use oms::component::share::Shares;
use oms::datasource::mysql::Endpoint;
use oms::error::Result;
use oms::model::options::FullVerificationOptions;
use oms::model::table::{
    Column, ColumnType, Generated, Key, KeyKind, KeyPart, KeyWhat, Table, TableName,
};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::harness::Server;

/// What was said about one table.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub begun: u32,
    pub differences: Vec<Difference>,
    pub corrected: HashSet<String>,
    pub outcome: Option<TableOutcome>,
}

impl Said {
    pub fn outcome(&self) -> &TableOutcome {
        self.outcome.as_ref().expect("the table was compared")
    }

    pub fn result(&self) -> ResultType {
        self.outcome().result
    }

    /// Kinds and keys of the differences, sorted; a key's columns are joined with a comma.
    pub fn found(&self) -> Vec<(DiffKind, String)> {
        let text = |d: &Difference| {
            let values = d
                .key
                .iter()
                .map(|k| serde_json::to_value(&k.column_value).expect("json"));
            values
                .map(|v| v.as_str().unwrap_or("NULL").to_owned())
                .collect::<Vec<_>>()
                .join(",")
        };
        let mut all: Vec<_> = self.differences.iter().map(|d| (d.kind, text(d))).collect();
        all.sort_by(|a, b| (a.0 as u8, &a.1).cmp(&(b.0 as u8, &b.1)));
        all
    }
}

/// A log in memory.
#[derive(Default)]
pub struct MemoryLog(pub Mutex<BTreeMap<TableName, Said>>);

impl MemoryLog {
    fn with(&self, table: &TableName, f: impl FnOnce(&mut Said)) -> Result<()> {
        f(self.0.lock().entry(table.clone()).or_default());
        Ok(())
    }

    pub fn said(&self, table: &str) -> Said {
        let (schema, name) = table.split_once('.').expect("schema.table");
        let said = self.0.lock().get(&TableName::new(schema, name)).cloned();
        said.unwrap_or_else(|| panic!("nothing was said about {table}"))
    }
}

impl VerifyLog for MemoryLog {
    fn finished(&self) -> BoxFuture<'_, Result<Vec<TableOutcome>>> {
        let all = self
            .0
            .lock()
            .values()
            .filter_map(|s| s.outcome.clone())
            .collect();
        Box::pin(async move { Ok(all) })
    }

    fn begin<'a>(&'a self, pair: &'a TablePair) -> BoxFuture<'a, Result<()>> {
        let done = self.with(&pair.source.name, |said| {
            *said = Said {
                begun: said.begun + 1,
                ..Said::default()
            };
        });
        Box::pin(async { done })
    }

    fn progress<'a>(&'a self, _: &'a TableName, _: Counts, _: u64) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn differences<'a>(
        &'a self,
        source: &'a TableName,
        differences: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>> {
        let done = self.with(source, |said| {
            said.differences.extend_from_slice(differences)
        });
        Box::pin(async { done })
    }

    fn corrected<'a>(
        &'a self,
        source: &'a TableName,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        let done = self.with(source, |said| said.corrected.extend(ids.iter().cloned()));
        Box::pin(async { done })
    }

    fn finish<'a>(&'a self, outcome: &'a TableOutcome) -> BoxFuture<'a, Result<()>> {
        let done = self.with(&outcome.source, |said| said.outcome = Some(outcome.clone()));
        Box::pin(async { done })
    }
}

/// Tables that do not change.
pub struct Fixed(pub Vec<TablePair>);

impl TableProvider for Fixed {
    fn tables(&self) -> BoxFuture<'_, Result<Vec<TablePair>>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

/// Says that the target is always up to date: nobody writes.
pub struct AtRest;

impl Progressed for AtRest {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async { Ok(Passed::Yes) })
    }
}

/// A verification as tests start it.
pub struct Verification {
    pub source: Endpoint,
    pub target: Endpoint,
    pub tables: Arc<dyn TableProvider>,
    pub options: FullVerificationOptions,
    pub folder: tempfile::TempDir,
    pub log: Arc<MemoryLog>,
    /// Stands in front of the log, where there is one.
    pub kept: Option<Arc<dyn VerifyLog>>,
    pub progressed: Arc<dyn Progressed>,
    pub progress: Arc<ProgressCell>,
    pub cancel: CancellationToken,
}

impl Verification {
    /// Of all tables of one schema.
    pub async fn new(source: &Server, target: &Server, schema: &str) -> Self {
        let tables = definitions(source, schema).await;
        let pair = |table: Table| TablePair {
            target: table.name.clone(),
            source: Arc::new(table),
        };
        Self {
            source: endpoint(source),
            target: endpoint(target),
            tables: Arc::new(Fixed(tables.into_iter().map(pair).collect())),
            options: FullVerificationOptions {
                reviewer_period_ms: 100,
                reviewer_rounds_max: 3,
                ..FullVerificationOptions::default()
            },
            folder: tempfile::tempdir().expect("a folder"),
            log: Arc::default(),
            kept: None,
            progressed: Arc::new(AtRest),
            progress: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }

    pub fn unfollowed(mut self) -> Self {
        self.progressed = Arc::new(NobodyTells);
        self
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn start(&self) -> BoxFuture<'static, Result<Finish>> {
        let work = FullVerificationWork {
            source: self.source.clone(),
            target: self.target.clone(),
            tables: self.tables.clone(),
            options: self.options.clone(),
            dir: self.folder(),
            sub_id: 1,
            log: self.kept.clone().unwrap_or_else(|| self.log.clone()),
            progressed: self.progressed.clone(),
            shares: Shares::default(),
        };
        let assignment = Assignment {
            component: "127.0.0.1-9000:1:0000000001".into(),
            project: "np_test".into(),
            step: "s_test".into(),
            epoch: 1,
        };
        let context = Context::new(assignment, self.cancel.clone(), self.progress.clone());
        Box::new(work).run(context)
    }

    pub async fn run(&self) -> Result<Finish> {
        self.start().await
    }

    pub fn said(&self, table: &str) -> Said {
        self.log.said(table)
    }
}

pub fn endpoint(server: &Server) -> Endpoint {
    Endpoint::parse(&server.url()).expect("a valid URL")
}

/// The definitions of a schema's tables, by the server's catalogue.
pub async fn definitions(server: &Server, schema: &str) -> Vec<Table> {
    let mut conn = server.conn().await;
    let names: Vec<String> = conn
        .query(format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}' \
             AND table_type = 'BASE TABLE' ORDER BY table_name"
        ))
        .await
        .expect("tables");
    let mut out = Vec::new();
    for name in names {
        let columns: Vec<ColumnRow> = conn
            .query(format!(
                "SELECT column_name, column_type, is_nullable, character_set_name, collation_name, \
                 COALESCE(generation_expression, '') FROM information_schema.columns \
                 WHERE table_schema = '{schema}' AND table_name = '{name}' ORDER BY ordinal_position"
            ))
            .await
            .expect("columns");
        let parts: Vec<(String, String, Option<u32>, u8)> = conn
            .query(format!(
                "SELECT index_name, column_name, sub_part, non_unique FROM information_schema.statistics \
                 WHERE table_schema = '{schema}' AND table_name = '{name}' \
                 ORDER BY index_name = 'PRIMARY' DESC, index_name, seq_in_index"
            ))
            .await
            .expect("keys");
        out.push(Table {
            name: TableName::new(schema, name),
            columns: columns.into_iter().map(column).collect(),
            keys: keys(parts),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            charset: "utf8mb4".into(),
            collation: "utf8mb4_general_ci".into(),
            comment: String::new(),
            auto_increment: None,
            partition: None,
        });
    }
    out
}

/// Name, type, whether it may be NULL, character set, collation, the expression it is made by.
type ColumnRow = (
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
);

fn column((name, ty, nullable, charset, collation, generated): ColumnRow) -> Column {
    Column {
        name,
        ty: column_type(&ty),
        nullable: nullable == "YES",
        default: None,
        on_update_now: None,
        auto_increment: false,
        generated: (!generated.is_empty()).then_some(Generated {
            expression: generated,
            stored: true,
        }),
        comment: String::new(),
        charset,
        collation,
        invisible: false,
    }
}

fn keys(parts: Vec<(String, String, Option<u32>, u8)>) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for (name, column, prefix, non_unique) in parts {
        let part = KeyPart {
            what: KeyWhat::Column(column),
            prefix,
            descending: false,
        };
        match keys.last_mut().filter(|key| key.name == name) {
            Some(key) => key.parts.push(part),
            None => keys.push(Key {
                kind: match (name.as_str(), non_unique) {
                    ("PRIMARY", _) => KeyKind::Primary,
                    (_, 0) => KeyKind::Unique,
                    _ => KeyKind::Index,
                },
                name,
                parts: vec![part],
                comment: String::new(),
            }),
        }
    }
    keys
}

fn column_type(text: &str) -> ColumnType {
    let (unsigned, zerofill) = (text.contains("unsigned"), text.contains("zerofill"));
    let name = text.split(['(', ' ']).next().unwrap_or_default();
    let inner = text
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'));
    let inner = inner.map_or("", |(inner, _)| inner);
    let number = || {
        inner
            .split(',')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    };
    let int = |bytes| ColumnType::Int {
        bytes,
        unsigned,
        width: None,
        zerofill,
    };
    let members = || {
        let quoted = inner.trim_matches('\'');
        quoted.split("','").map(str::to_owned).collect()
    };
    match name {
        "tinyint" => int(1),
        "smallint" => int(2),
        "mediumint" => int(3),
        "int" => int(4),
        "bigint" => int(8),
        "decimal" => ColumnType::Decimal {
            precision: number() as u8,
            scale: 0,
            unsigned,
            zerofill,
        },
        "float" => ColumnType::Float {
            unsigned,
            digits: None,
        },
        "double" => ColumnType::Double {
            unsigned,
            digits: None,
        },
        "bit" => ColumnType::Bit(number() as u8),
        "char" => ColumnType::Char(number()),
        "varchar" => ColumnType::Varchar(number()),
        "binary" => ColumnType::Binary(number()),
        "varbinary" => ColumnType::Varbinary(number()),
        "tinytext" => ColumnType::Text(1),
        "text" => ColumnType::Text(2),
        "mediumtext" => ColumnType::Text(3),
        "longtext" => ColumnType::Text(4),
        "tinyblob" => ColumnType::Blob(1),
        "blob" => ColumnType::Blob(2),
        "mediumblob" => ColumnType::Blob(3),
        "longblob" => ColumnType::Blob(4),
        "enum" => ColumnType::Enum(members()),
        "set" => ColumnType::Set(members()),
        "json" => ColumnType::Json,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time(number() as u8),
        "datetime" => ColumnType::Datetime(number() as u8),
        "timestamp" => ColumnType::Timestamp(number() as u8),
        "year" => ColumnType::Year,
        other => ColumnType::Other(other.to_owned()),
    }
}

/// Two servers of a kind, without the noise.
pub async fn pair(
    source: crate::harness::Kind,
    target: crate::harness::Kind,
) -> (Arc<Server>, Arc<Server>) {
    use crate::harness::{Options, server::start_all};
    let [source, target] =
        start_all([(source, Options::default()), (target, Options::default())]).await;
    (source, target)
}

/// Runs the same statements on both MariaDB servers; the tables `seq_…` need a database.
pub async fn both(source: &Server, target: &Server, sql: &str) {
    let sql = format!("USE mysql; {sql}");
    let sql = sql.as_str();
    tokio::join!(source.exec(sql), target.exec(sql));
}

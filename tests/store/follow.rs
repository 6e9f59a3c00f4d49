//! Reads a stretch of a source's log without a Store: stream, assembler, decoder.

use mysql_async::prelude::Queryable;
use oms::datasource::mysql::binlog::assembler::{Assembler, Step};
use oms::datasource::mysql::binlog::plan::RowPlan;
use oms::datasource::mysql::binlog::rows::{RowsEvent, RowsKind};
use oms::datasource::mysql::binlog::status::{self, LogSettings};
use oms::datasource::mysql::binlog::stream::{LogStream, Replica};
use oms::datasource::mysql::{Endpoint, Flavour, Server, Session};
use oms::error::Result;
use oms::model::change::{Op, TableVersion};
use oms::model::ddl::{Dialect, parse_definition};
use oms::model::position::Position;
use oms::model::row::Row;
use oms::model::table::{Table, TableName};
use std::collections::HashMap;
use std::sync::Arc;

/// The end of the log.
pub async fn position(server: &Server) -> Position {
    let mut conn = server.session(Session::Plain).await.expect("session");
    let settings = LogSettings::read(&mut conn, server)
        .await
        .expect("settings");
    let mut end = status::log_end(&mut conn, server).await.expect("position");
    if !settings.uses_gtid(server) {
        end.position.gtid = None;
    }
    end.position
}

/// A table's definition as the source has it now.
pub async fn table(server: &Server, schema: &str, name: &str) -> Table {
    let mut conn = server.session(Session::Plain).await.expect("session");
    let row: (String, String) = conn
        .query_first(format!("SHOW CREATE TABLE `{schema}`.`{name}`"))
        .await
        .expect("definition")
        .expect("table");
    let dialect = match server.flavour {
        Flavour::MariaDb => Dialect::mariadb(),
        _ => Dialect::default(),
    };
    parse_definition(&row.1, &TableName::new(schema, name), &dialect)
        .expect("understood")
        .table
}

/// The definitions of a database's tables as the source has them now.
pub async fn tables(server: &Server, schema: &str) -> Vec<Table> {
    let mut conn = server.session(Session::Plain).await.expect("session");
    let names: Vec<String> = conn
        .query(format!("SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = '{schema}' AND table_type = 'BASE TABLE'"))
        .await
        .expect("tables");
    let mut tables = Vec::new();
    for name in names {
        tables.push(table(server, schema, &name).await);
    }
    tables
}

/// Where the server is.
pub async fn open(url: &str) -> Server {
    Server::open(&Endpoint::parse(url).expect("URL"))
        .await
        .expect("server")
}

/// All changes of these tables between two positions.
pub async fn changes(
    server: &Server,
    from: &Position,
    to: &Position,
    tables: &[Table],
) -> Result<Vec<(TableName, Op)>> {
    let replica = Replica {
        server_id: 4_000_000_001,
        uuid: "11111111-2222-3333-4444-555555555555".to_owned(),
    };
    let versions: HashMap<TableName, Arc<TableVersion>> = tables
        .iter()
        .map(|t| {
            let version = TableVersion {
                id: 1,
                table: t.clone(),
            };
            (t.name.clone(), Arc::new(version))
        })
        .collect();
    let mut stream = LogStream::open(server, &replica, from).await?;
    let mut assembler = Assembler::new(from, server.flavour == Flavour::MariaDb);
    let mut plans: HashMap<u64, RowPlan> = HashMap::new();
    let mut out = Vec::new();
    while assembler.place() < to.txn_id() {
        let event = stream.next().await?;
        let body = stream.body(&event);
        match assembler.push(&event.header(), body)? {
            Step::TableMap(map) => {
                plans.remove(&map.id);
                if let Some(version) = versions.get(&TableName::new(map.schema, map.table)) {
                    plans.insert(map.id, RowPlan::new(&map, version.clone())?);
                }
            }
            Step::Rows(kind) => {
                let event = RowsEvent::parse(kind, body).expect("rows");
                let Some(plan) = plans.get(&event.table_id) else {
                    continue;
                };
                let mut rows = event.rows(plan).expect("full image");
                while !rows.is_empty() {
                    let mut first = Vec::new();
                    rows.first_image(&mut first).map_err(|b| b.error("test"))?;
                    let first = Row(first.into());
                    let op = match rows.kind() {
                        RowsKind::Insert => Op::Insert(first),
                        RowsKind::Delete => Op::Delete(first),
                        RowsKind::Update => {
                            let mut second = Vec::new();
                            rows.second_image(&mut second)
                                .map_err(|b| b.error("test"))?;
                            Op::Update {
                                old: first,
                                new: Row(second.into()),
                            }
                        }
                    };
                    out.push((plan.table.table.name.clone(), op));
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

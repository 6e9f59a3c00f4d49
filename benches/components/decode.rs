//! Decoding binlog files: events, checksums, and rows as they go into the Store's frames.

use super::common::Figures;
use oms::datasource::mysql::Endpoint;
use oms::datasource::mysql::binlog::assembler::{Assembler, Step};
use oms::datasource::mysql::binlog::event::{Header, kind};
use oms::datasource::mysql::binlog::plan::RowPlan;
use oms::datasource::mysql::binlog::rows::{RowsEvent, RowsKind};
use oms::datasource::mysql::binlog::source::Source;
use oms::model::change::TableVersion;
use oms::model::position::Position;
use oms::model::table::TableName;
use serde_json::json;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

const MAGIC: usize = 4;
const HEADER: usize = 19;
const CHECKSUM: usize = 4;

#[derive(clap::Args)]
pub struct Decode {
    /// URL of the source that wrote the files: its tables' definitions are asked for.
    #[arg(long)]
    source: String,
    /// Database whose rows are decoded.
    #[arg(long)]
    schema: String,
    /// Binlog files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Default)]
struct Sums {
    events: u64,
    rows: u64,
    decoded: u64,
}

impl Decode {
    pub async fn run(self) -> Figures {
        let mut source = Source::open(&Endpoint::parse(&self.source)?).await?;
        let mut tables = HashMap::new();
        for (id, (name, table)) in source.tables(&self.schema).await?.into_iter().enumerate() {
            let table = table.map_err(|why| format!("{name}: {why}"))?;
            let id = id as u32 + 1;
            tables.insert(name, Arc::new(TableVersion { id, table }));
        }
        let mut bytes = 0;
        let mut files = Vec::new();
        for path in &self.files {
            let file = std::fs::read(path)?;
            bytes += file.len();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push((name.into_owned(), file));
        }
        let begun = Instant::now();
        let mut sums = Sums::default();
        for (name, file) in &files {
            decode(name, file, &tables, &mut sums)?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        Ok(json!({
            "seconds": seconds, "bytes": bytes, "mb_per_s": bytes as f64 / 1e6 / seconds,
            "events": sums.events, "rows": sums.rows, "decoded_bytes": sums.decoded,
        }))
    }
}

fn decode(
    name: &str,
    file: &[u8],
    tables: &HashMap<TableName, Arc<TableVersion>>,
    sums: &mut Sums,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = Position {
        file: name.to_owned(),
        offset: MAGIC as u64,
        gtid: None,
        time_ms: 0,
    };
    let mut assembler = Assembler::new(&start, false);
    let mut plans: HashMap<u64, RowPlan> = HashMap::new();
    let mut rest = &file[MAGIC..];
    let mut out: Vec<u8> = Vec::with_capacity(2 << 20);
    while rest.len() >= HEADER {
        let word =
            |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        let header = Header {
            timestamp: word(0),
            kind: rest[4],
            server_id: word(5),
            size: word(9),
            log_pos: word(13),
            flags: u16::from_le_bytes([rest[17], rest[18]]),
        };
        let Some((event, later)) = rest.split_at_checked(header.size as usize) else {
            break;
        };
        rest = later;
        let (checked, sum) = event.split_at(event.len() - CHECKSUM);
        // the flag "in use" of the first event is set and cleared without a new checksum
        let first = header.kind == kind::FORMAT_DESCRIPTION;
        if !first && crc32fast::hash(checked).to_le_bytes() != sum {
            return Err(format!("{name}: wrong checksum at {}", header.log_pos).into());
        }
        let body = &checked[HEADER..];
        sums.events += 1;
        match assembler.push(&header, body)? {
            Step::TableMap(map) => {
                let table = TableName::new(map.schema, map.table);
                if let Some(version) = tables.get(&table)
                    && !plans.contains_key(&map.id)
                {
                    plans.insert(map.id, RowPlan::new(&map, Arc::clone(version))?);
                }
            }
            Step::Rows(rows_kind) => {
                let bad = |_| "a row event is malformed";
                let event = RowsEvent::parse(rows_kind, body).map_err(bad)?;
                let Some(plan) = plans.get(&event.table_id) else {
                    continue;
                };
                let mut rows = event.rows(plan).ok_or("an image is not full")?;
                while !rows.is_empty() {
                    rows.first_image(&mut out).map_err(bad)?;
                    if rows.kind() == RowsKind::Update {
                        rows.second_image(&mut out).map_err(bad)?;
                    }
                    sums.rows += 1;
                }
                // as a full batch is handed to the Store's writer
                if out.len() >= 1 << 20 {
                    sums.decoded += out.len() as u64;
                    out.clear();
                }
            }
            _ => {}
        }
    }
    sums.decoded += out.len() as u64;
    Ok(())
}

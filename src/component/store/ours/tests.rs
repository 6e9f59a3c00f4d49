//! Random transactions, ours among them, as events of a log: what is published is what the
//! application wrote, and the position moves on with all of them.

use super::super::beat::Beats;
use super::super::codec::{self, SchemaChange, Versions};
use super::super::frame::{self, FrameKind, HEADER, Next};
use super::super::puller::{Pulled, Puller};
use super::super::tracker::{Tables, Tracker};
use super::Ours;
use crate::datasource::mysql::binlog::assembler::Assembler;
use crate::datasource::mysql::binlog::event::{Header, kind};
use crate::datasource::mysql::marks::LeaveOut;
use crate::error::Result;
use crate::model::ddl::Dialect;
use crate::model::filter::ObjectFilter;
use crate::model::options::Compression;
use crate::model::position::Position;
use crate::model::row::Cell;
use crate::model::table::{Column, ColumnType, Table, TableName};
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;

const OURS: &str = "np_1/incr_sync";
const OTHER: &str = "np_2/incr_sync";

/// What a transaction does.
#[derive(Debug, Clone)]
enum Act {
    /// A row with this number.
    Row(u32),
    /// A mark, of ours or of another project; in the fence's table or in the progress table.
    Mark {
        ours: bool,
        fence: bool,
    },
    Savepoint(u8),
    RollbackTo(u8),
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
    /// The file ends in the midst of it.
    Crash,
}

/// A log that is fed to a puller.
struct Log {
    puller: Puller,
    at: u64,
    file: u32,
    /// Frames that were handed out, as far as they are whole, and those behind.
    whole: Vec<u8>,
    rest: Vec<u8>,
}

fn tables() -> Tables {
    let column = Column {
        name: "n".to_owned(),
        ty: ColumnType::Int {
            bytes: 4,
            unsigned: false,
            width: None,
            zerofill: false,
        },
        nullable: false,
        default: None,
        on_update_now: None,
        auto_increment: false,
        generated: None,
        comment: String::new(),
        charset: None,
        collation: None,
        invisible: false,
    };
    let table = Table {
        name: TableName::new("d", "t"),
        columns: vec![column],
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_bin".to_owned(),
        comment: String::new(),
        auto_increment: None,
        partition: None,
    };
    let mut tables = Tables::new(1);
    tables.take(SchemaChange {
        set: vec![(1, table)],
        ..SchemaChange::default()
    });
    tables
}

/// TABLE_MAP of a table with these columns: types, and what belongs to them.
fn table_map(id: u8, schema: &str, table: &str, types: &[u8], metadata: &[u8]) -> Vec<u8> {
    let mut body = vec![id, 0, 0, 0, 0, 0, 1, 0];
    for name in [schema, table] {
        body.push(name.len() as u8);
        body.extend(name.as_bytes());
        body.push(0);
    }
    body.push(types.len() as u8);
    body.extend(types);
    body.push(metadata.len() as u8);
    body.extend(metadata);
    body.push(0);
    body
}

fn insert(table: u8, columns: u8, row: &[u8]) -> Vec<u8> {
    let present = (1_u8 << columns) - 1;
    let mut body = vec![table, 0, 0, 0, 0, 0, 1, 0, 2, 0, columns, present, 0];
    body.extend(row);
    body
}

impl Log {
    fn new(piece_bytes: usize) -> Self {
        let start = Position {
            file: "b.000001".to_owned(),
            offset: 100,
            gtid: None,
            time_ms: 0,
        };
        let filter = Arc::new(ObjectFilter {
            include: vec!["*.*".to_owned()],
            exclude: Vec::new(),
        });
        let puller = Puller::new(
            Assembler::new(&start, false),
            Tracker::new(tables(), filter, Dialect::default()),
            Arc::new(Beats::default()),
            Ours::new(LeaveOut::new(vec![OURS.to_owned()])),
            piece_bytes,
            Compression::None,
        );
        Self {
            puller,
            at: 100,
            file: 1,
            whole: Vec::new(),
            rest: Vec::new(),
        }
    }

    fn push(&mut self, event: u8, body: &[u8]) -> Result<()> {
        let size = body.len() as u32 + 19;
        self.at += u64::from(size);
        let header = Header {
            timestamp: 1,
            kind: event,
            server_id: 1,
            size,
            log_pos: self.at as u32,
            flags: 0,
        };
        if let Pulled::Cut = self.puller.push(&header, body)? {
            self.rest.clear();
        }
        Ok(())
    }

    fn query(&mut self, sql: &str) -> Result<()> {
        let mut body = vec![0; 13];
        body.push(0);
        body.extend(sql.as_bytes());
        self.push(kind::QUERY, &body)
    }

    fn act(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Row(n) => {
                let map = table_map(1, "d", "t", &[3], &[]);
                self.push(kind::TABLE_MAP, &map)?;
                self.push(kind::WRITE_ROWS, &insert(1, 1, &n.to_le_bytes()))
            }
            Act::Mark { ours, fence } => {
                let name = if *ours { OURS } else { OTHER };
                let table = if *fence {
                    "oms_fence"
                } else {
                    "oms_txn_progress"
                };
                // varchar(160) in utf8mb4, and an int; or a short one in one byte
                let wide = [640_u16, 160][usize::from(*fence)];
                let id = 2 + u8::from(*fence);
                let map = table_map(id, "omstxndb", table, &[15, 3], &wide.to_le_bytes());
                self.push(kind::TABLE_MAP, &map)?;
                let mut row = vec![name.len() as u8];
                if wide > 255 {
                    row.push(0);
                }
                row.extend(name.as_bytes());
                row.extend(7_u32.to_le_bytes());
                self.push(kind::WRITE_ROWS, &insert(id, 2, &row))
            }
            Act::Savepoint(n) => self.query(&format!("SAVEPOINT `s{n}`")),
            Act::RollbackTo(n) => self.query(&format!("ROLLBACK TO `s{n}`")),
        }
    }

    fn end(&mut self, end: End) -> Result<()> {
        match end {
            End::Commit => self.push(kind::XID, &[0; 8]),
            End::Rollback => self.query("ROLLBACK"),
            End::Crash => {
                self.file += 1;
                let mut body = 4_u64.to_le_bytes().to_vec();
                body.extend(format!("b.{:06}", self.file).as_bytes());
                self.at = 4;
                let header = Header {
                    kind: kind::ROTATE,
                    flags: 0x20,
                    ..Header::default()
                };
                if let Pulled::Cut = self.puller.push(&header, &body)? {
                    self.rest.clear();
                }
                Ok(())
            }
        }
    }

    /// What waits is handed to the writer.
    fn flush(&mut self) {
        if let Some((frames, whole)) = self.puller.batch.take() {
            let cut = whole.map_or(0, |end| end.len);
            if cut > 0 {
                self.whole.append(&mut self.rest);
                self.whole.extend_from_slice(&frames[..cut]);
            }
            self.rest.extend_from_slice(&frames[cut..]);
        }
    }

    /// The rows of whole transactions, and the last position.
    fn published(&self) -> (Vec<u32>, Option<Position>) {
        let mut bytes = Bytes::from(self.whole.clone());
        let versions: Versions = tables().versions();
        let (mut rows, mut last) = (Vec::new(), None);
        while let Next::Frame(header) = frame::peek(&bytes) {
            let mut frame = bytes.split_to(HEADER + header.len);
            let payload = frame.split_off(HEADER);
            match header.kind {
                FrameKind::Piece => {
                    let piece = codec::piece(&header, &payload, &versions).expect("piece");
                    for change in &piece.changes {
                        match change.op.new_row().and_then(|row| row.cell(0)) {
                            Some(Cell::Value(v)) => rows.push(
                                std::str::from_utf8(v)
                                    .expect("text")
                                    .parse()
                                    .expect("number"),
                            ),
                            other => panic!("{other:?}"),
                        }
                    }
                    last = piece.end.or(last);
                }
                FrameKind::Heartbeat => last = Some(codec::heartbeat(&payload).expect("position")),
                other => panic!("{other:?}"),
            }
        }
        assert!(bytes.is_empty(), "{} bytes are no frame", bytes.len());
        (rows, last)
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0_u32..1000).prop_map(Act::Row),
        1 => any::<(bool, bool)>().prop_map(|(ours, fence)| Act::Mark { ours, fence }),
        1 => (0_u8..3).prop_map(Act::Savepoint),
        1 => (0_u8..3).prop_map(Act::RollbackTo),
    ]
}

fn txn() -> impl Strategy<Value = (Vec<Act>, End)> {
    let end = prop_oneof![
        8 => Just(End::Commit),
        1 => Just(End::Rollback),
        1 => Just(End::Crash),
    ];
    (prop::collection::vec(act(), 0..20), end)
}

/// What a transaction leaves: its rows, and whether it is ours. None: ROLLBACK TO an unknown savepoint.
fn play(acts: &[Act]) -> Option<(Vec<u32>, bool)> {
    let mut rows = Vec::new();
    let mut ours = false;
    let mut savepoints: Vec<(u8, usize, bool)> = Vec::new();
    for act in acts {
        match act {
            Act::Row(n) => rows.push(*n),
            Act::Mark { ours: is_ours, .. } => ours |= is_ours,
            Act::Savepoint(n) => {
                savepoints.retain(|(name, ..)| name != n);
                savepoints.push((*n, rows.len(), ours));
            }
            Act::RollbackTo(n) => {
                let at = savepoints.iter().position(|(name, ..)| name == n)?;
                savepoints.truncate(at + 1);
                let (_, len, was_ours) = savepoints[at];
                rows.truncate(len);
                ours = was_ours;
            }
        }
    }
    Some((rows, ours))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_published_is_what_the_application_wrote(
        txns in prop::collection::vec(txn(), 1..8), piece_bytes in 8_usize..200, flush_every in 1_usize..6
    ) {
        let mut log = Log::new(piece_bytes);
        let mut expected = Vec::new();
        let mut step = 0;
        let mut left_out = 0;
        for (acts, end) in &txns {
            // ROLLBACK TO an unknown savepoint is no log of a server
            let Some((rows, ours)) = play(acts) else { continue };
            let run = |log: &mut Log, step: &mut usize| -> Result<()> {
                log.push(kind::ANONYMOUS_GTID, &[0; 25])?;
                log.query("BEGIN")?;
                for act in acts {
                    log.act(act)?;
                    *step += 1;
                    if step.is_multiple_of(flush_every) {
                        log.flush();
                    }
                }
                log.end(*end)
            };
            if let Err(error) = run(&mut log, &mut step) {
                // refused, never guessed: more is taken back than is held
                prop_assert!(error.to_string().contains("ROLLBACK TO SAVEPOINT"), "{error}");
                return Ok(());
            }
            if *end == End::Commit {
                left_out += u64::from(ours);
                if !ours {
                    expected.extend(rows);
                }
            }
        }
        if log.puller.untold().is_some() {
            log.puller.tell();
        }
        log.flush();
        let (rows, last) = log.published();
        prop_assert_eq!(rows, expected);
        prop_assert_eq!(log.puller.ours.left_out, left_out);
        let here = log.puller.assembler.position();
        if log.at > 100 || log.file > 1 {
            prop_assert_eq!(last, Some(here));
        }
    }
}

#[test]
fn a_mark_behind_pieces_that_were_handed_out_cuts_them() {
    let mut log = Log::new(8);
    log.push(kind::ANONYMOUS_GTID, &[0; 25]).expect("gtid");
    log.query("BEGIN").expect("begin");
    for n in 0..20 {
        log.act(&Act::Row(n)).expect("row");
    }
    log.flush();
    assert!(!log.rest.is_empty(), "pieces were handed out");
    let mark = Act::Mark {
        ours: true,
        fence: false,
    };
    log.act(&mark).expect("mark");
    assert!(log.rest.is_empty(), "they were cut");
    log.act(&Act::Row(99)).expect("row");
    log.end(End::Commit).expect("commit");
    log.puller.tell();
    log.flush();
    let (rows, last) = log.published();
    assert!(rows.is_empty(), "{rows:?}");
    assert_eq!(last, Some(log.puller.assembler.position()));
}

#[test]
fn what_was_forgotten_is_not_guessed() {
    // rows, a savepoint, our mark, and back to the savepoint: the rows would count after all
    let mut log = Log::new(1000);
    log.push(kind::ANONYMOUS_GTID, &[0; 25]).expect("gtid");
    log.query("BEGIN").expect("begin");
    log.act(&Act::Row(1)).expect("row");
    log.act(&Act::Savepoint(0)).expect("savepoint");
    let mark = Act::Mark {
        ours: true,
        fence: true,
    };
    log.act(&mark).expect("mark");
    let error = log.act(&Act::RollbackTo(0)).expect_err("refused");
    assert_eq!(error.kind(), crate::error::Kind::LogFormat, "{error}");
}

#[test]
fn a_table_that_is_not_ours_is_refused() {
    let mut log = Log::new(1000);
    log.push(kind::ANONYMOUS_GTID, &[0; 25]).expect("gtid");
    log.query("BEGIN").expect("begin");
    let map = table_map(9, "omstxndb", "oms_txn_progress", &[3], &[]);
    let error = log.push(kind::TABLE_MAP, &map).expect_err("refused");
    assert_eq!(error.kind(), crate::error::Kind::SchemaDrift, "{error}");
}

#[test]
fn who_leaves_nothing_out_keeps_everything() {
    let mut log = Log::new(1000);
    log.puller.ours = Ours::new(LeaveOut::default());
    log.push(kind::ANONYMOUS_GTID, &[0; 25]).expect("gtid");
    log.query("BEGIN").expect("begin");
    let mark = Act::Mark {
        ours: true,
        fence: false,
    };
    log.act(&mark).expect("mark");
    log.act(&Act::Row(5)).expect("row");
    log.end(End::Commit).expect("commit");
    log.flush();
    assert_eq!(log.published().0, [5]);
}

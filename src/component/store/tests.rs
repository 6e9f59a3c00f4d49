//! A folder without a source: what is written is read back, whatever is cut or broken.

use super::batch::Batch;
use super::codec::{self, ChangeKind};
use super::hub::StoreHub;
use super::live::LiveStore;
use super::meta;
use super::open::head_frames;
use super::recover::recover;
use super::segment;
use super::tracker::Tables;
use super::writer::{self, Start, Writer};
use crate::component::log_source::LogSource;
use crate::error::Kind;
use crate::model::change::LogItem;
use crate::model::ids::TxnId;
use crate::model::options::Compression;
use crate::model::position::Position;
use crate::model::row::{Cell, push_cell};
use crate::model::table::{Table, TableName};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn position(offset: u64) -> Position {
    Position {
        file: "b.000001".to_owned(),
        offset,
        gtid: Some("0-1-7".to_owned()),
        time_ms: offset,
    }
}

fn tables() -> Tables {
    let mut tables = Tables::new(1);
    tables.take(codec::SchemaChange {
        set: vec![(
            1,
            Table {
                name: TableName::new("d", "t"),
                columns: Vec::new(),
                keys: Vec::new(),
                foreign_keys: Vec::new(),
                checks: Vec::new(),
                charset: "utf8mb4".to_owned(),
                collation: "utf8mb4_bin".to_owned(),
                comment: "c".repeat(5000),
                auto_increment: None,
                partition: None,
            },
        )],
        ..codec::SchemaChange::default()
    });
    tables
}

/// Appends a change with one cell.
fn change(batch: &mut Batch, value: &[u8]) {
    let out = batch.change(ChangeKind::Insert, 1);
    let image = codec::begin_image(out);
    push_cell(out, Cell::Value(value));
    codec::finish_image(out, image);
}

/// A folder with an empty first segment, and a writer for it.
fn begin(dir: &Path, hub: &StoreHub) -> (Arc<LiveStore>, Writer) {
    let lock = meta::lock(dir).expect("lock");
    if segment::numbers(dir).expect("folder").is_empty() {
        let frames = head_frames(&position(100), &tables()).expect("head");
        writer::create(dir, 1, &frames).expect("segment");
    }
    let log = recover(dir).expect("recovery").expect("a log");
    let live = hub.register("s");
    live.attach(
        dir.to_path_buf(),
        log.segments,
        log.current,
        log.end,
        log.tip,
    );
    let start = Start {
        dir: dir.to_path_buf(),
        lock,
        current: log.current,
        end: log.end,
        fsync_interval: Duration::from_millis(10),
    };
    let writer = Writer::start(live.clone(), start).expect("writer");
    (live, writer)
}

/// Transactions of so many changes each; every third one is followed by a new segment.
async fn write(writer: &Writer, transactions: std::ops::Range<u64>) {
    use Compression::{Lz4, None, Zstd};
    for number in transactions {
        let mut batch = Batch::packed([None, Lz4, Zstd][number as usize % 3]);
        let id = TxnId::from_file(1, 100 + number * 10);
        for at in 0..=number % 4 {
            change(&mut batch, text(number, at).as_bytes());
            if number % 2 == 0 {
                batch.split(id);
            }
        }
        let end = position(100 + number * 10 + 10);
        batch.commit(id, end.clone());
        let (frames, whole) = batch.take().expect("frames");
        writer.append(frames, whole).await.expect("append");
        if number % 3 == 2 {
            let frames = head_frames(&end, &tables()).expect("head");
            writer.rotate(frames, end).await.expect("rotate");
        }
    }
    writer.sync().await.expect("sync");
}

/// The values of all changes up to the tip.
async fn read(hub: &StoreHub, from: &Position) -> Vec<String> {
    let mut reader = hub.open("s", from).await.expect("reader");
    let tip = reader.tip().expect("tip");
    let mut values = Vec::new();
    let mut at = from.clone();
    while at.txn_id() < tip.txn_id() {
        let item = reader.next().await.expect("item");
        if let LogItem::Txn(piece) = &item {
            for change in &piece.changes {
                assert_eq!(change.table.table.name, TableName::new("d", "t"));
                match change.op.new_row().and_then(|row| row.cell(0)) {
                    Some(Cell::Value(v)) => values.push(String::from_utf8_lossy(v).into_owned()),
                    other => panic!("{other:?}"),
                }
            }
        }
        if let Some(end) = item.end() {
            at = end.clone();
        }
    }
    values
}

fn expected(transactions: std::ops::Range<u64>) -> Vec<String> {
    transactions
        .flat_map(|n| (0..=n % 4).map(move |at| text(n, at)))
        .collect()
}

/// The value of a change, long enough to be packed.
fn text(transaction: u64, at: u64) -> String {
    format!("{transaction}.{at}{}", "-".repeat(300))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read_by_all_from_anywhere() {
    let dir = tempfile::tempdir().expect("folder");
    let hub = StoreHub::new();
    let (_live, writer) = begin(dir.path(), &hub);
    write(&writer, 0..20).await;
    for from in [0, 1, 2, 3, 7, 12, 19, 20] {
        let values = read(&hub, &position(100 + from * 10)).await;
        assert_eq!(values, expected(from..20), "from {from}");
    }
    let error = hub.open("s", &position(99)).await.expect_err("too old");
    assert_eq!(error.kind(), Kind::StorePosition);
    // a reader at the tip sees what comes
    let mut reader = hub.open("s", &position(300)).await.expect("reader");
    let wait = tokio::spawn(async move { reader.next().await });
    write(&writer, 20..21).await;
    let item = wait.await.expect("task").expect("item");
    assert!(matches!(item, LogItem::Txn(piece) if piece.id == TxnId::from_file(1, 300)));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_transaction_is_never_seen() {
    let dir = tempfile::tempdir().expect("folder");
    let hub = StoreHub::new();
    let (live, writer) = begin(dir.path(), &hub);
    write(&writer, 0..2).await;
    let tip = live.published().expect("published").offset;
    let mut batch = Batch::default();
    for _ in 0..10 {
        change(&mut batch, b"half");
        batch.split(TxnId::from_file(1, 120));
    }
    let (frames, whole) = batch.take().expect("frames");
    assert!(whole.is_none());
    assert!(batch.abort(), "frames were handed out");
    writer.append(frames, whole).await.expect("append");
    writer.sync().await.expect("sync");
    assert_eq!(live.published().expect("published").offset, tip);
    writer.abort().await.expect("abort");
    write(&writer, 2..4).await;
    assert_eq!(read(&hub, &position(100)).await, expected(0..4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_of_what_was_cut_begins_again() {
    let dir = tempfile::tempdir().expect("folder");
    let hub = StoreHub::new();
    let (live, writer) = begin(dir.path(), &hub);
    write(&writer, 0..2).await;
    let mut reader = hub.open("s", &position(120)).await.expect("reader");
    drop(writer);
    let published = live.published().expect("published");
    let path = segment::path(dir.path(), published.segment);
    let lock = meta::lock(dir.path()).expect("lock");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .expect("open");
    file.set_len(published.offset - 1).expect("cut");
    drop(lock);
    let (_live, writer) = begin(dir.path(), &hub);
    let error = reader.next().await.expect_err("cut");
    assert!(error.is_transient(), "{error}");
    assert_eq!(read(&hub, &position(100)).await, expected(0..1));
    write(&writer, 1..3).await;
    assert_eq!(read(&hub, &position(100)).await, expected(0..3));
}

#[test]
fn marks_take_changes_back() {
    let mut batch = Batch::default();
    let empty = batch.mark();
    change(&mut batch, b"a");
    let one = batch.mark();
    change(&mut batch, b"b");
    assert!(batch.back_to(one));
    assert_eq!(batch.mark(), one);
    assert!(batch.back_to(empty));
    assert!(!batch.has_changes() && !batch.is_open());
    change(&mut batch, b"c");
    batch.split(TxnId(1));
    assert!(!batch.back_to(empty), "the piece is complete");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Wherever the newest file is cut, or a bit of it is flipped: what is left is a whole log.
    #[test]
    fn a_torn_tail_is_cut_at_a_whole_transaction(count in 1_u64..12, place in 0.0..1.0, flip: bool) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let dir = tempfile::tempdir().expect("folder");
            let hub = StoreHub::new();
            let (_live, writer) = begin(dir.path(), &hub);
            write(&writer, 0..count).await;
            drop(writer);
            let lock = meta::lock(dir.path()).expect("lock");
            let newest = segment::numbers(dir.path()).expect("folder").pop().expect("segment");
            let path = segment::path(dir.path(), newest);
            let mut bytes = std::fs::read(&path).expect("read");
            // the start of the first segment was made durable before anything was shown
            let least = if newest == 1 { head_frames(&position(100), &tables()).expect("head").len() } else { 0 };
            let at = least + ((bytes.len() - least) as f64 * place) as usize;
            if flip && at < bytes.len() {
                bytes[at] ^= 4;
            } else {
                bytes.truncate(at);
            }
            std::fs::write(&path, bytes).expect("write");
            drop(lock);
            let hub = StoreHub::new();
            let (live, writer) = begin(dir.path(), &hub);
            let tip = live.published().expect("published").tip.offset;
            let left = (tip - 100) / 10;
            assert!(left <= count);
            assert_eq!(read(&hub, &position(100)).await, expected(0..left));
            // it goes on from there
            write(&writer, left..count + 2).await;
            assert_eq!(read(&hub, &position(100)).await, expected(0..count + 2));
        });
    }
}

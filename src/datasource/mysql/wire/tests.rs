//! Framing and streams of rows, against a peer that says what the test wants.

use super::link::Link;
use super::session::WireSession;
use crate::model::row::{Cell, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// Packets as a server frames them.
fn framed(sequence: &mut u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = payload;
    loop {
        let (now, later) = rest.split_at(rest.len().min(0xFF_FFFF));
        out.extend_from_slice(&(now.len() as u32).to_le_bytes()[..3]);
        out.push(*sequence);
        *sequence = sequence.wrapping_add(1);
        out.extend_from_slice(now);
        rest = later;
        if now.len() < 0xFF_FFFF {
            return out;
        }
    }
}

const EOF: &[u8] = &[0xFE, 0, 0, 2, 0];

/// A session whose peer answers the first statement with these packets, in writes of this size.
fn session(packets: Vec<Vec<u8>>, write: usize) -> WireSession {
    let (ours, mut peer) = duplex(1 << 20);
    tokio::spawn(async move {
        let mut asked = [0; 5];
        peer.read_exact(&mut asked).await.expect("a statement");
        let mut sequence = 1;
        let bytes: Vec<u8> = packets
            .iter()
            .flat_map(|p| framed(&mut sequence, p))
            .collect();
        for piece in bytes.chunks(write) {
            if peer.write_all(piece).await.is_err() {
                return;
            }
        }
        drain(peer).await;
    });
    WireSession::on_link(Link::new(Box::new(ours)))
}

async fn drain(mut peer: DuplexStream) {
    let mut sink = Vec::new();
    let _ = peer.read_to_end(&mut sink).await;
}

fn answer(rows: &[Row]) -> Vec<Vec<u8>> {
    let mut packets = vec![vec![1], b"column".to_vec(), EOF.to_vec()];
    packets.extend(rows.iter().map(|row| row.0.to_vec()));
    packets
}

fn rows() -> Vec<Row> {
    let huge = vec![b'x'; 0xFF_FFFF + 100];
    let values: [&[u8]; 5] = [b"1", b"", &huge, b"\xFE\xFF", &huge[..0xFF_FFFF - 4]];
    let mut rows: Vec<Row> = values
        .iter()
        .map(|v| Row::from_cells([Cell::Value(v)]))
        .collect();
    rows.push(Row::from_cells([Cell::Null]));
    rows
}

#[tokio::test]
async fn rows_come_as_they_were_sent() {
    for (limit, write) in [(1, 7), (1 << 20, 100_000), (64 << 20, 1 << 20)] {
        let write = if limit == 1 { 65_537 } else { write };
        let mut packets = answer(&rows());
        packets.push(EOF.to_vec());
        let mut session = session(packets, write);
        let mut stream = session.query(b"").await.expect("an answer");
        assert_eq!(stream.columns(), 1);
        let mut read = Vec::new();
        while let Some(batch) = stream.next_batch(limit).await.expect("rows") {
            read.extend((0..batch.rows()).map(|at| batch.shared(at)));
        }
        assert!(read == rows(), "{} rows, limit {limit}", read.len());
        assert!(stream.next_batch(1).await.expect("the end").is_none());
        assert!(session.is_usable());
    }
}

#[tokio::test]
async fn an_error_in_the_middle_is_no_end() {
    let mut packets = answer(&[Row::from_cells([Cell::Value(b"1")])]);
    packets.push(b"\xFF\x25\x05#70100killed".to_vec());
    let mut session = session(packets, 3);
    let mut stream = session.query(b"").await.expect("an answer");
    assert!(stream.next_batch(1).await.expect("a row").is_some());
    let error = stream.next_batch(1).await.expect_err("killed");
    assert!(
        error.to_string().contains("1317 (70100): killed"),
        "{error}"
    );
    assert!(stream.next_batch(1).await.is_err(), "it broke");
}

#[tokio::test]
async fn a_connection_that_ends_is_no_end_of_the_rows() {
    let (ours, mut peer) = duplex(1 << 16);
    tokio::spawn(async move {
        let mut asked = [0; 5];
        peer.read_exact(&mut asked).await.expect("a statement");
        let mut sequence = 1;
        for packet in answer(&[Row::from_cells([Cell::Value(b"1")])]) {
            let bytes = framed(&mut sequence, &packet);
            peer.write_all(&bytes).await.expect("written");
        }
    });
    let mut session = WireSession::on_link(Link::new(Box::new(ours)));
    let mut stream = session.query(b"").await.expect("an answer");
    assert!(stream.next_batch(1000).await.is_err());
    assert!(!session.is_usable());
}

#[tokio::test]
async fn statements_of_any_size_are_framed() {
    for size in [0, 100, 20_000, 0xFF_FFFE, 0xFF_FFFF, 0x1FF_FFFE, 40 << 20] {
        let (ours, theirs) = duplex(1 << 20);
        let (mut from, mut to) = (Link::new(Box::new(ours)), Link::new(Box::new(theirs)));
        let body = vec![b'q'; size];
        let (sent, read) = tokio::join!(from.write(b"\x03", &body), to.read());
        sent.expect("sent");
        let read = read.expect("read");
        assert_eq!((read.len(), read[0]), (size + 1, 3), "{size}");
        assert!(read[1..] == body[..]);
    }
}

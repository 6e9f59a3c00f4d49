//! The events of a binlog other than rows: header, rotation, transaction begin, statements.

use super::gtid::Gtid;
use super::input::{Bad, Input};

/// Event types, as far as they mean something here.
pub mod kind {
    /// A statement.
    pub const QUERY: u8 = 2;
    /// The server was stopped.
    pub const STOP: u8 = 3;
    /// The next file.
    pub const ROTATE: u8 = 4;
    /// A value of a statement.
    pub const INTVAR: u8 = 5;
    /// LOAD DATA as a statement.
    pub const APPEND_BLOCK: u8 = 9;
    /// LOAD DATA as a statement.
    pub const DELETE_FILE: u8 = 11;
    /// A value of a statement.
    pub const RAND: u8 = 13;
    /// A value of a statement.
    pub const USER_VAR: u8 = 14;
    /// The file's format.
    pub const FORMAT_DESCRIPTION: u8 = 15;
    /// Commit.
    pub const XID: u8 = 16;
    /// LOAD DATA as a statement.
    pub const BEGIN_LOAD_QUERY: u8 = 17;
    /// LOAD DATA as a statement.
    pub const EXECUTE_LOAD_QUERY: u8 = 18;
    /// The table that rows belong to.
    pub const TABLE_MAP: u8 = 19;
    /// Rows as MySQL 5.0 wrote them.
    pub const OLD_ROWS_FIRST: u8 = 20;
    /// Rows as MySQL 5.0 wrote them.
    pub const OLD_ROWS_LAST: u8 = 22;
    /// Rows.
    pub const WRITE_ROWS_V1: u8 = 23;
    /// Rows.
    pub const UPDATE_ROWS_V1: u8 = 24;
    /// Rows.
    pub const DELETE_ROWS_V1: u8 = 25;
    /// The source lost something.
    pub const INCIDENT: u8 = 26;
    /// Nothing happened.
    pub const HEARTBEAT: u8 = 27;
    /// May be skipped by who does not know it.
    pub const IGNORABLE: u8 = 28;
    /// The statement's text, as a comment.
    pub const ROWS_QUERY: u8 = 29;
    /// Rows.
    pub const WRITE_ROWS: u8 = 30;
    /// Rows.
    pub const UPDATE_ROWS: u8 = 31;
    /// Rows.
    pub const DELETE_ROWS: u8 = 32;
    /// A transaction begins.
    pub const GTID: u8 = 33;
    /// A transaction begins.
    pub const ANONYMOUS_GTID: u8 = 34;
    /// What stands in the files before.
    pub const PREVIOUS_GTIDS: u8 = 35;
    /// Group replication.
    pub const TRANSACTION_CONTEXT: u8 = 36;
    /// Group replication.
    pub const VIEW_CHANGE: u8 = 37;
    /// XA PREPARE.
    pub const XA_PREPARE: u8 = 38;
    /// Rows with parts of JSON.
    pub const PARTIAL_UPDATE_ROWS: u8 = 39;
    /// A compressed transaction; the driver hands out what is in it behind it.
    pub const TRANSACTION_PAYLOAD: u8 = 40;
    /// Nothing happened.
    pub const HEARTBEAT_V2: u8 = 41;
    /// A transaction with a tag begins.
    pub const GTID_TAGGED: u8 = 42;
    /// MariaDB: the statement's text, as a comment.
    pub const ANNOTATE_ROWS: u8 = 160;
    /// MariaDB: for its crash recovery.
    pub const BINLOG_CHECKPOINT: u8 = 161;
    /// MariaDB: a transaction begins.
    pub const MARIA_GTID: u8 = 162;
    /// MariaDB: what stands in the files before.
    pub const MARIA_GTID_LIST: u8 = 163;
    /// MariaDB: the rest of the file is encrypted on disk.
    pub const START_ENCRYPTION: u8 = 164;
    /// MariaDB: a compressed statement.
    pub const QUERY_COMPRESSED: u8 = 165;
    /// MariaDB: compressed rows.
    pub const WRITE_ROWS_COMPRESSED_V1: u8 = 166;
    /// MariaDB: compressed rows.
    pub const UPDATE_ROWS_COMPRESSED_V1: u8 = 167;
    /// MariaDB: compressed rows.
    pub const DELETE_ROWS_COMPRESSED_V1: u8 = 168;
    /// MariaDB: compressed rows.
    pub const WRITE_ROWS_COMPRESSED: u8 = 169;
    /// MariaDB: compressed rows.
    pub const UPDATE_ROWS_COMPRESSED: u8 = 170;
    /// MariaDB: compressed rows.
    pub const DELETE_ROWS_COMPRESSED: u8 = 171;
}

/// The server made the event for this connection; it is not in the file.
const FLAG_ARTIFICIAL: u16 = 0x20;
/// Who does not know the event may skip it.
const FLAG_IGNORABLE: u16 = 0x80;

/// What every event begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// When it was made: seconds since 1970 by the source's clock; 0 in artificial ones.
    pub timestamp: u32,
    /// Type: one of [`kind`].
    pub kind: u8,
    /// The server that made it first.
    pub server_id: u32,
    /// Size with header and checksum, bytes.
    pub size: u32,
    /// Where it ends in its file, the lower 32 bits; 0 in artificial ones.
    pub log_pos: u32,
    /// Flags.
    pub flags: u16,
}

impl Header {
    /// Whether the event is not in the file.
    pub fn is_artificial(&self) -> bool {
        self.log_pos == 0 || self.flags & FLAG_ARTIFICIAL != 0
    }

    /// Whether it may be skipped unread.
    pub fn is_ignorable(&self) -> bool {
        self.flags & FLAG_IGNORABLE != 0
    }
}

/// ROTATE: the file that follows, and where it is read from.
pub fn rotate(body: &[u8]) -> Result<(u64, &str), Bad> {
    let mut input = Input(body);
    let offset = input.u64()?;
    let file = std::str::from_utf8(input.0).map_err(|_| Bad::Invalid("a file name is not text"))?;
    Ok((offset, file.trim_end_matches('\0')))
}

/// GTID and ANONYMOUS_GTID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GtidEvent {
    /// Identity; meaningless in an anonymous one.
    pub gtid: Gtid,
    /// Commit time in microseconds since 1970 on the server that is read, where it is told.
    pub commit_micros: Option<u64>,
}

/// Reads GTID and ANONYMOUS_GTID.
pub fn gtid(body: &[u8]) -> Result<GtidEvent, Bad> {
    let mut input = Input(body);
    input.u8()?;
    let source = input.array()?;
    let number = input.u64()?;
    let mut commit_micros = None;
    // MySQL 5.6 ends here; 5.7 has logical clocks; 8.0 has commit times behind them
    if input.u8() == Ok(2) && input.take(16).is_ok() {
        const HAS_ORIGINAL: u64 = 1 << 55;
        commit_micros = input.le(7).ok().map(|raw| raw & !HAS_ORIGINAL);
    }
    Ok(GtidEvent {
        gtid: Gtid {
            source,
            tag: String::new(),
            number,
        },
        commit_micros,
    })
}

/// MariaDB's GTID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MariaGtidEvent {
    /// Sequence number.
    pub sequence: u64,
    /// Replication domain.
    pub domain: u32,
    /// A statement without a transaction around it follows (DDL).
    pub standalone: bool,
    /// The first half of an ALTER in two phases: nothing is done yet.
    pub alter_starts: bool,
    /// An ALTER in two phases was given up.
    pub alter_fails: bool,
}

/// Reads MariaDB's GTID.
pub fn maria_gtid(body: &[u8]) -> Result<MariaGtidEvent, Bad> {
    const STANDALONE: u8 = 1;
    const GROUP_COMMIT_ID: u8 = 2;
    const XA: u8 = 64 | 128;
    const EXTRA_START_ALTER: u8 = 2;
    const EXTRA_ROLLBACK_ALTER: u8 = 8;
    let mut input = Input(body);
    let sequence = input.u64()?;
    let domain = input.u32()?;
    let flags = input.u8()?;
    if flags & GROUP_COMMIT_ID != 0 {
        input.u64()?;
    }
    if flags & XA != 0 {
        input.u32()?;
        let (global, branch) = (input.u8()?, input.u8()?);
        input.take(usize::from(global) + usize::from(branch))?;
    }
    // the event is padded with zeros to the size of its header
    let extra = input.u8().unwrap_or(0);
    Ok(MariaGtidEvent {
        sequence,
        domain,
        standalone: flags & STANDALONE != 0,
        alter_starts: extra & EXTRA_START_ALTER != 0,
        alter_fails: extra & EXTRA_ROLLBACK_ALTER != 0,
    })
}

/// XA_PREPARE: whether it commits at once (`XA COMMIT … ONE PHASE`).
pub fn xa_prepare_is_commit(body: &[u8]) -> Result<bool, Bad> {
    Ok(Input(body).u8()? != 0)
}

/// A statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryEvent<'a> {
    /// Default database of the session.
    pub schema: &'a [u8],
    /// The statement in the client's character set.
    pub sql: &'a [u8],
    /// `sql_mode` of the session, as bits.
    pub sql_mode: Option<u64>,
    /// Number of the client's character set.
    pub client_charset: Option<u16>,
}

/// Reads a QUERY; of a compressed one `sql` is the compressed bytes.
pub fn query(body: &[u8]) -> Result<QueryEvent<'_>, Bad> {
    let mut input = Input(body);
    input.take(8)?;
    let schema_len = usize::from(input.u8()?);
    input.u16()?;
    let vars_len = usize::from(input.u16()?);
    let vars = input.take(vars_len)?;
    let schema = input.take(schema_len)?;
    input.u8()?;
    let mut event = QueryEvent {
        schema,
        sql: input.0,
        ..QueryEvent::default()
    };
    // variables that are not known end the reading: none that matters stands behind them
    let _ = status_vars(Input(vars), &mut event);
    Ok(event)
}

fn status_vars(mut vars: Input<'_>, event: &mut QueryEvent<'_>) -> Result<(), Bad> {
    while !vars.is_empty() {
        match vars.u8()? {
            0 | 3 | 10 => drop(vars.take(4)?),
            1 => event.sql_mode = Some(vars.u64()?),
            2 => {
                let len = usize::from(vars.u8()?);
                vars.take(len + 1)?;
            }
            4 => {
                event.client_charset = Some(vars.u16()?);
                vars.take(4)?;
            }
            5 | 6 => {
                let len = usize::from(vars.u8()?);
                vars.take(len)?;
            }
            7 | 8 => drop(vars.take(2)?),
            9 => drop(vars.take(8)?),
            _ => break,
        }
    }
    Ok(())
}

/// What MariaDB compressed: a byte of algorithm and length of the length, the length, the data.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>, Bad> {
    const INVALID: Bad = Bad::Invalid("compressed data is malformed");
    let mut input = Input(bytes);
    let head = input.u8()?;
    if head & 0x80 == 0 || head & 0x70 != 0 {
        return Err(Bad::Invalid("the compression is unknown"));
    }
    let len = input.be(usize::from(head & 7))? as usize;
    // deflate makes at most 1032 bytes of one: more is a forgery
    if len > input.len().saturating_mul(1100) + 64 {
        return Err(INVALID);
    }
    let mut out = vec![0; len];
    let mut inflate = flate2::Decompress::new(true);
    let status = inflate
        .decompress(input.0, &mut out, flate2::FlushDecompress::Finish)
        .map_err(|_| INVALID)?;
    if status != flate2::Status::StreamEnd || inflate.total_out() != len as u64 {
        return Err(INVALID);
    }
    Ok(out)
}

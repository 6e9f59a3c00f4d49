//! From single events to transactions: keeps the place in the log, knows where transactions begin
//! and end, and what was executed so far. Pure: bytes in, [`Step`]s out.
//!
//! The place is the file and the offset behind the last event. An event tells the lower 32 bits of
//! its end only, so the full offset is the nearest one to where the event is expected. A
//! transaction's id is the place of its first event, so whoever reads the same log again computes
//! the same ids.

use super::event::{self, Header, QueryEvent, kind};
use super::executed::{Executed, Identity};
use super::input::Bad;
use super::query::{Statement, classify};
use super::rows;
use super::step::sql_text;
pub use super::step::{Sql, Step};
use super::table_map::TableMap;
use crate::error::{Error, Kind, Result};
use crate::model::ids::TxnId;
use crate::model::position::Position;
use std::borrow::Cow;

#[derive(Debug)]
struct Open {
    id: TxnId,
    identity: Identity,
    /// Commit time where the first event tells it.
    commit_ms: Option<u64>,
    /// It began with BEGIN (or, in MariaDB, without "standalone"), so a statement does not end it.
    explicit: bool,
    /// It stands before the place from which reading goes on.
    known: bool,
    /// An ALTER in two phases whose statement says nothing yet.
    mute: bool,
}

/// Follows the log.
#[derive(Debug)]
pub struct Assembler {
    file: String,
    file_no: u64,
    offset: u64,
    resume: TxnId,
    resume_file: String,
    executed: Executed,
    time_ms: u64,
    open: Option<Open>,
    last_id: TxnId,
    /// Inside a compressed transaction, whose events have no place of their own.
    in_payload: bool,
}

const ANSI_QUOTES: u64 = 4;
const NO_BACKSLASH_ESCAPES: u64 = 0x10_0000;

impl Assembler {
    /// Goes on at `from`: transactions before it are passed over.
    pub fn new(from: &Position, mariadb: bool) -> Self {
        Self {
            file: from.file.clone(),
            file_no: from.file_no(),
            offset: from.offset,
            resume: from.txn_id(),
            resume_file: from.file.clone(),
            executed: Executed::of(from, mariadb),
            time_ms: from.time_ms,
            open: None,
            last_id: TxnId::MIN,
            in_payload: false,
        }
    }

    /// The place behind the last transaction that ended, or inside the open one. Never before
    /// the place from which reading went on: with GTIDs the source begins at a file's start.
    pub fn position(&self) -> Position {
        let (file, offset) = if self.place() < self.resume {
            (&self.resume_file, self.resume.offset())
        } else {
            (&self.file, self.offset)
        };
        Position {
            file: file.clone(),
            offset,
            gtid: self.executed.text(),
            time_ms: self.time_ms,
        }
    }

    /// The place as an id, without the texts.
    pub fn place(&self) -> TxnId {
        TxnId::from_file(self.file_no, self.offset)
    }

    /// Id of the open transaction.
    pub fn txn_id(&self) -> Option<TxnId> {
        self.open.as_ref().map(|open| open.id)
    }

    /// Id of the last transaction that ended.
    pub fn last_id(&self) -> TxnId {
        self.last_id
    }

    /// Whether a transaction is open.
    pub fn is_inside(&self) -> bool {
        self.open.is_some()
    }

    /// Commit time of the last transaction, milliseconds since 1970 by the source's clock.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// What the error says about where it happened.
    pub fn here(&self) -> String {
        format!("{}:{}", self.file, self.offset)
    }

    /// Takes the next event.
    pub fn push<'a>(&mut self, header: &Header, body: &'a [u8]) -> Result<Step<'a>> {
        let start = self.locate(header);
        self.step(header, start, body)
            .map_err(|problem| match problem {
                Problem::Bad(bad) => bad.error(format!(
                    "reading the event of type {} at {}",
                    header.kind,
                    self.here()
                )),
                Problem::Refused(kind, why) => {
                    Error::new(kind, format!("reading the source's log at {}", self.here()))
                        .detail(why)
                }
            })
    }

    /// Moves behind the event; gives its start.
    fn locate(&mut self, header: &Header) -> u64 {
        let fixed = matches!(
            header.kind,
            kind::ROTATE | kind::HEARTBEAT | kind::HEARTBEAT_V2
        );
        if fixed || self.in_payload || header.is_artificial() {
            return self.offset;
        }
        if matches!(
            header.kind,
            kind::FORMAT_DESCRIPTION | kind::PREVIOUS_GTIDS | kind::MARIA_GTID_LIST
        ) {
            // these stand at the start of a file, far from its end of 4 GB
            self.offset = u64::from(header.log_pos);
            return self.offset.saturating_sub(u64::from(header.size));
        }
        let mut near = self.offset;
        if self.resume.file_no() == self.file_no {
            // the source passes over what was read before
            near = near.max(self.resume.offset());
        }
        let end = widen(header.log_pos, near + u64::from(header.size));
        self.offset = end;
        end.saturating_sub(u64::from(header.size))
    }

    fn step<'a>(
        &mut self,
        header: &Header,
        start: u64,
        body: &'a [u8],
    ) -> std::result::Result<Step<'a>, Problem> {
        Ok(match header.kind {
            kind::ROTATE => self.rotate(body)?,
            kind::FORMAT_DESCRIPTION => self.abort(),
            kind::GTID | kind::ANONYMOUS_GTID => {
                let gtid = event::gtid(body)?;
                let identity = match header.kind {
                    kind::GTID => Identity::MySql(gtid.gtid),
                    _ => Identity::None,
                };
                let commit_ms = gtid.commit_micros.map(|micros| micros / 1000);
                self.begin(start, identity, commit_ms, false)
            }
            kind::GTID_TAGGED => {
                // the driver cannot ask for a set with tags: from here on the place is told by
                // file and offset
                self.executed = Executed::Unknown;
                self.begin(start, Identity::None, None, false)
            }
            kind::MARIA_GTID => {
                let gtid = event::maria_gtid(body)?;
                let identity = Identity::MariaDb {
                    domain: gtid.domain,
                    server: header.server_id,
                    sequence: gtid.sequence,
                };
                let step = self.begin(start, identity, None, !gtid.standalone);
                if let Some(open) = &mut self.open {
                    open.mute = gtid.alter_starts || gtid.alter_fails;
                }
                step
            }
            kind::QUERY => self.query(header, start, event::query(body)?, false)?,
            kind::QUERY_COMPRESSED => self.query(header, start, event::query(body)?, true)?,
            kind::XID => self.end(header, Step::Commit { prepared: false }),
            kind::XA_PREPARE => {
                let prepared = !event::xa_prepare_is_commit(body)?;
                self.end(header, Step::Commit { prepared })
            }
            kind::TRANSACTION_PAYLOAD => {
                self.in_payload = true;
                Step::Nothing
            }
            kind::TABLE_MAP if self.is_known() => Step::Nothing,
            kind::TABLE_MAP => Step::TableMap(TableMap::parse(body)?),
            rows if rows::is_rows(rows) => {
                if self.is_known() {
                    return Ok(Step::Nothing);
                }
                if self.open.is_none() {
                    return Err(Bad::Invalid("rows stand outside a transaction").into());
                }
                Step::Rows(rows)
            }
            other => self.other(header, other)?,
        })
    }

    fn other(&self, header: &Header, event: u8) -> std::result::Result<Step<'static>, Problem> {
        let refused = |kind, why: &str| Err(Problem::Refused(kind, why.to_owned()));
        match event {
            kind::STOP
            | kind::INTVAR
            | kind::RAND
            | kind::USER_VAR
            | kind::HEARTBEAT
            | kind::HEARTBEAT_V2
            | kind::IGNORABLE
            | kind::ROWS_QUERY
            | kind::PREVIOUS_GTIDS
            | kind::TRANSACTION_CONTEXT
            | kind::VIEW_CHANGE
            | kind::ANNOTATE_ROWS
            | kind::BINLOG_CHECKPOINT
            | kind::MARIA_GTID_LIST
            | kind::START_ENCRYPTION => Ok(Step::Nothing),
            _ if self.is_known() || header.is_ignorable() => Ok(Step::Nothing),
            kind::PARTIAL_UPDATE_ROWS => refused(
                Kind::LogFormat,
                "the source logs parts of JSON values (binlog_row_value_options)",
            ),
            kind::APPEND_BLOCK
            | kind::DELETE_FILE
            | kind::BEGIN_LOAD_QUERY
            | kind::EXECUTE_LOAD_QUERY => {
                refused(Kind::LogFormat, "LOAD DATA is in the log as a statement")
            }
            kind::INCIDENT => refused(
                Kind::BinlogInvalid,
                "the source says that events are missing in its log (incident)",
            ),
            kind::OLD_ROWS_FIRST..=kind::OLD_ROWS_LAST => refused(
                Kind::BinlogInvalid,
                "the rows are in the format of MySQL 5.0",
            ),
            unknown => Err(Problem::Refused(
                Kind::BinlogInvalid,
                format!("events of type {unknown} are not known"),
            )),
        }
    }

    fn is_known(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.known)
    }

    fn rotate<'a>(&mut self, body: &'a [u8]) -> std::result::Result<Step<'a>, Problem> {
        let (offset, file) = event::rotate(body)?;
        let step = if file == self.file {
            Step::Nothing
        } else {
            self.abort()
        };
        file.clone_into(&mut self.file);
        self.file_no = Position {
            file: self.file.clone(),
            offset: 0,
            gtid: None,
            time_ms: 0,
        }
        .file_no();
        self.offset = offset;
        self.in_payload = false;
        Ok(step)
    }

    fn abort<'a>(&mut self) -> Step<'a> {
        self.in_payload = false;
        match self.open.take() {
            Some(open) if !open.known => Step::Aborted,
            _ => Step::Nothing,
        }
    }

    fn begin<'a>(
        &mut self,
        start: u64,
        identity: Identity,
        commit_ms: Option<u64>,
        explicit: bool,
    ) -> Step<'a> {
        let step = self.abort();
        let id = TxnId::from_file(self.file_no, start);
        self.open = Some(Open {
            id,
            identity,
            commit_ms,
            explicit,
            known: id < self.resume,
            mute: false,
        });
        step
    }

    /// The transaction is over: what was executed grows by it.
    fn end<'a>(&mut self, header: &Header, step: Step<'a>) -> Step<'a> {
        self.in_payload = false;
        let Some(open) = self.open.take() else {
            return Step::Nothing;
        };
        self.last_id = open.id;
        self.executed.add(&open.identity);
        if let Some(time) = open
            .commit_ms
            .or((header.timestamp > 0).then(|| u64::from(header.timestamp) * 1000))
        {
            self.time_ms = time;
        }
        if open.known { Step::Nothing } else { step }
    }

    fn query<'a>(
        &mut self,
        header: &Header,
        start: u64,
        query: QueryEvent<'a>,
        compressed: bool,
    ) -> std::result::Result<Step<'a>, Problem> {
        let raw: Cow<'a, [u8]> = if compressed {
            Cow::Owned(event::decompress(query.sql)?)
        } else {
            Cow::Borrowed(query.sql)
        };
        let (text, problem) = sql_text(raw, query.client_charset);
        let statement = classify(&text);
        if self.open.is_none() && statement != Statement::Nothing {
            // sources without GTID events: the statement itself is the first event
            self.begin(start, Identity::None, None, false);
        }
        let known = self.is_known();
        let explicit = self.open.as_ref().is_some_and(|open| open.explicit);
        let unless_known = |step| if known { Step::Nothing } else { step };
        Ok(match statement {
            Statement::Begin => {
                self.make_explicit();
                Step::Nothing
            }
            Statement::Nothing => {
                // XA START
                self.make_explicit();
                Step::Nothing
            }
            Statement::Commit => self.end(header, Step::Commit { prepared: false }),
            Statement::Rollback => self.end(header, Step::Rollback),
            Statement::XaCommit | Statement::XaRollback => {
                self.end(header, Step::Commit { prepared: false })
            }
            Statement::Savepoint(name) => unless_known(Step::Savepoint(name)),
            Statement::RollbackTo(name) => unless_known(Step::RollbackTo(name)),
            Statement::Data | Statement::Other => {
                let mute = self.open.as_ref().is_some_and(|open| open.mute);
                let mode = query.sql_mode.unwrap_or(0);
                let sql = Sql {
                    id: self.txn_id().unwrap_or_default(),
                    schema: String::from_utf8_lossy(query.schema),
                    text,
                    is_data: statement == Statement::Data,
                    problem,
                    ansi_quotes: mode & ANSI_QUOTES != 0,
                    no_backslash_escapes: mode & NO_BACKSLASH_ESCAPES != 0,
                    ends: !explicit,
                };
                let step = match mute {
                    true => Step::Commit { prepared: false },
                    false => Step::Statement(sql),
                };
                if explicit {
                    unless_known(step)
                } else {
                    self.end(header, step)
                }
            }
        })
    }

    fn make_explicit(&mut self) {
        if let Some(open) = &mut self.open {
            open.explicit = true;
        }
    }
}

/// Why an event is not taken.
enum Problem {
    Bad(Bad),
    Refused(Kind, String),
}

impl From<Bad> for Problem {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

/// The offset with these lower 32 bits that is nearest to `near`.
fn widen(low: u32, near: u64) -> u64 {
    const SPAN: u64 = 1 << 32;
    let base = near & !(SPAN - 1) | u64::from(low);
    [base.checked_sub(SPAN), Some(base), base.checked_add(SPAN)]
        .into_iter()
        .flatten()
        .min_by_key(|candidate| candidate.abs_diff(near))
        .unwrap_or(base)
}

//! The connection on which the source sends its log to us as to a replica.

use super::super::connect::{Server, driver, not_connected};
use super::super::endpoint::Flavour;
use super::super::fault::{fault, kind_of};
use super::event::{Header, kind};
use super::gtid::GtidSet;
use crate::error::{Error, Kind, Result};
use crate::model::position::Position;
use futures::StreamExt;
use mysql_async::binlog::BinlogChecksumAlg;
use mysql_async::binlog::events::Event;
use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStream, BinlogStreamRequest, Conn, GnoInterval, Sid};
use std::time::Duration;
use tokio::time::Instant;

/// How often the source says that it lives while it has nothing to send.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Silence of so many heartbeats means that the connection is dead.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(10);
/// A row can be this large.
const MAX_EVENT: usize = 1 << 30;

/// Who we are to the source. Stays the same for a Store, so that the source ends the connection
/// that an earlier run of it may have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Server id, unique among the source's replicas.
    pub server_id: u32,
    /// UUID of the replica.
    pub uuid: String,
}

impl Replica {
    /// A number and a name that no other replica is likely to have.
    pub fn random() -> Self {
        Self {
            server_id: rand::random_range(0x8000_0000..u32::MAX),
            uuid: random_uuid(),
        }
    }
}

/// A random UUID (version 4).
fn random_uuid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex = |part: &[u8]| part.iter().map(|b| format!("{b:02x}")).collect::<String>();
    format!(
        "{}-{}-{}-{}-{}",
        hex(&bytes[..4]),
        hex(&bytes[4..6]),
        hex(&bytes[6..8]),
        hex(&bytes[8..10]),
        hex(&bytes[10..])
    )
}

/// An event as it came.
#[derive(Debug)]
pub struct RawEvent(Event);

impl RawEvent {
    /// Its header.
    pub fn header(&self) -> Header {
        let header = self.0.header();
        Header {
            timestamp: header.timestamp(),
            kind: header.event_type_raw(),
            server_id: header.server_id(),
            size: header.event_size(),
            log_pos: header.log_pos(),
            flags: header.flags_raw(),
        }
    }

    /// What follows the header, without the checksum.
    pub fn body(&self) -> &[u8] {
        self.0.data()
    }

    fn checksum_is_right(&self) -> bool {
        match self.0.checksum() {
            // events without one (and those inside a compressed transaction) have zeros
            None | Some([0, 0, 0, 0]) => true,
            Some(sum) => {
                let algorithm = BinlogChecksumAlg::BINLOG_CHECKSUM_ALG_CRC32;
                u32::from_le_bytes(sum) == self.0.calc_checksum(algorithm)
            }
        }
    }
}

/// The stream of events.
pub struct LogStream {
    stream: BinlogStream,
    what: String,
    format_seen: bool,
    checksums: bool,
    /// Since when the next event is waited for.
    waiting: Option<Instant>,
}

impl std::fmt::Debug for LogStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStream")
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}

impl LogStream {
    /// Asks the source for its log from a position on.
    ///
    /// With GTIDs the source sends what is not in the position's set, so it may begin with a few
    /// transactions that stand before the position's offset; without, it begins at the offset.
    pub async fn open(server: &Server, replica: &Replica, from: &Position) -> Result<Self> {
        let what = format!("reading the log of {} from {from}", server.endpoint);
        let mut conn = connect(server, &what).await?;
        let checksums = prepare(&mut conn, server, replica, from)
            .await
            .map_err(|e| fault(what.clone(), e))?;
        let stream = tokio::time::timeout(CONNECT, request(conn, server, replica, from))
            .await
            .map_err(|_| Error::new(Kind::Unreachable, what.clone()).detail("no answer"))?
            .map_err(|e| log_fault(what.clone(), e))?;
        Ok(Self {
            stream,
            what,
            format_seen: false,
            checksums,
            waiting: None,
        })
    }

    /// The next event; an error where the connection is dead. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<RawEvent> {
        // a caller that drops this future and calls again has not heard anything meanwhile
        let since = *self.waiting.get_or_insert_with(Instant::now);
        let next = tokio::time::timeout_at(since + SILENCE, self.stream.next()).await;
        self.waiting = None;
        let event = match next {
            Err(_) => Err(Error::new(Kind::Unreachable, self.what.clone())
                .detail(format!("nothing came for {} s", SILENCE.as_secs()))),
            Ok(None) => Err(Error::new(Kind::Unreachable, self.what.clone())
                .detail("the source ended the stream")),
            Ok(Some(Err(error))) => Err(log_fault(self.what.clone(), error)),
            Ok(Some(Ok(event))) => Ok(RawEvent(event)),
        }?;
        if !event.checksum_is_right() {
            return Err(Error::new(Kind::Unreachable, self.what.clone())
                .detail("an event's checksum is wrong: it was damaged on its way"));
        }
        self.format_seen |= event.header().kind == kind::FORMAT_DESCRIPTION;
        Ok(event)
    }

    /// An event's body. The events in front of the first format description have their checksum
    /// still at their end: the driver cannot know of it yet.
    pub fn body<'e>(&self, event: &'e RawEvent) -> &'e [u8] {
        let body = event.body();
        match body.len().checked_sub(4) {
            Some(len) if !self.format_seen && self.checksums => &body[..len],
            _ => body,
        }
    }
}

async fn connect(server: &Server, what: &str) -> Result<Conn> {
    let endpoint = &server.endpoint;
    let opening = driver(endpoint, |opts| opts.max_allowed_packet(Some(MAX_EVENT)));
    match tokio::time::timeout(CONNECT, opening).await {
        Ok(conn) => conn.map_err(|e| not_connected(what.to_owned(), endpoint, e)),
        Err(_) => Err(Error::new(Kind::Unreachable, what.to_owned())
            .detail(format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

/// Says what kind of replica this is; gives whether the events have checksums.
async fn prepare(
    conn: &mut Conn,
    server: &Server,
    replica: &Replica,
    from: &Position,
) -> std::result::Result<bool, mysql_async::Error> {
    let period = HEARTBEAT.as_nanos();
    let mut sets = vec![
        "@source_binlog_checksum = @@global.binlog_checksum".to_owned(),
        format!("@slave_uuid = '{0}', @replica_uuid = '{0}'", replica.uuid),
    ];
    // OceanBase's Binlog Service has taken the period for microseconds in some of its versions, and
    // sends a heartbeat every second or oftener by itself
    if !server.log_only {
        sets.push(format!(
            "@master_heartbeat_period = {period}, @source_heartbeat_period = {period}"
        ));
    }
    if server.flavour == Flavour::MariaDb {
        sets.push("@mariadb_slave_capability = 4".to_owned());
        if let Some(gtid) = &from.gtid {
            // the text is made of digits, '-' and ',' only: it was parsed
            sets.push(format!(
                "@slave_connect_state = '{gtid}', @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0"
            ));
        }
    }
    for set in sets {
        conn.query_drop(format!("SET {set}")).await?;
    }
    let checksum: Option<String> = match conn.query_first("SELECT @@global.binlog_checksum").await {
        // its events have one unless it was told otherwise
        Err(mysql_async::Error::Server(_)) if server.log_only => Some("CRC32".to_owned()),
        checksum => checksum?,
    };
    Ok(checksum.is_some_and(|c| !c.eq_ignore_ascii_case("NONE")))
}

async fn request(
    conn: Conn,
    server: &Server,
    replica: &Replica,
    from: &Position,
) -> std::result::Result<BinlogStream, mysql_async::Error> {
    let request = BinlogStreamRequest::new(replica.server_id);
    let set = match server.flavour {
        Flavour::MariaDb => None,
        _ => from
            .gtid
            .as_deref()
            .and_then(GtidSet::parse)
            .filter(|set| !set.has_tags()),
    };
    if let Some(set) = set {
        let sids: Vec<Sid<'_>> = set
            .iter()
            .map(|(source, _, ranges)| {
                let intervals = ranges
                    .iter()
                    .map(|&(first, last)| GnoInterval::new(first, last + 1))
                    .collect();
                Sid::new(*source).with_intervals(intervals)
            })
            .collect();
        return conn
            .get_binlog_stream(request.with_gtid().with_gtid_set(sids))
            .await;
    }
    // this request has 32 bits for the offset: what stands further back in a larger file is read
    // from the file's start, and passed over
    let offset = if from.offset > u64::from(u32::MAX) {
        4
    } else {
        from.offset
    };
    let request = request.with_filename(from.file.as_bytes()).with_pos(offset);
    conn.get_binlog_stream(request).await
}

/// Errors of the source about its log: one number stands for many causes.
fn log_fault(what: String, error: mysql_async::Error) -> Error {
    let kind = match &error {
        mysql_async::Error::Server(server) if server.code == 1236 => {
            kind_of_log_message(&server.message)
        }
        other => kind_of(other),
    };
    let error = fault(what.clone(), error);
    if error.kind() == kind {
        return error;
    }
    Error::new(kind, what).detail(error.to_string().rsplit_once(": server error").map_or_else(
        || error.to_string(),
        |(_, text)| format!("server error{text}"),
    ))
}

fn kind_of_log_message(message: &str) -> Kind {
    let message = message.to_ascii_lowercase();
    let has = |text: &str| message.contains(text);
    if has("same server_uuid") || has("same server_id") {
        Kind::ServerBusy
    } else if has("more gtids than") || has("diverged") || has("which is not in the master") {
        Kind::SourceChanged
    } else if has("max_allowed_packet") || has("bogus data") || has("event read") || has("checksum")
    {
        Kind::BinlogInvalid
    } else {
        Kind::LogPurged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_about_the_log_are_told_apart() {
        for (message, kind) in [
            (
                "Could not find first log file name in binary log index file",
                Kind::LogPurged,
            ),
            (
                "Cannot replicate because the source purged required binary logs.",
                Kind::LogPurged,
            ),
            (
                "A replica with the same server_uuid/server_id as this replica has connected to the source",
                Kind::ServerBusy,
            ),
            (
                "Replica has more GTIDs than the source has, using the source's SERVER_UUID.",
                Kind::SourceChanged,
            ),
            (
                "Error: connecting slave requested to start at GTID 0-1-99, which is not in the master's binlog",
                Kind::SourceChanged,
            ),
            (
                "log event entry exceeded max_allowed_packet; Increase max_allowed_packet on master",
                Kind::BinlogInvalid,
            ),
        ] {
            assert_eq!(kind_of_log_message(message), kind, "{message}");
        }
    }
}

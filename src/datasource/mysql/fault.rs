//! From the driver's errors to ours: which pass by themselves, which need a person.

use crate::error::{Error, Kind};
use mysql_async::{DriverError, Error as MyError};
use std::borrow::Cow;

/// Our error for a driver's error; `what` was attempted.
pub fn fault(what: impl Into<Cow<'static, str>>, error: MyError) -> Error {
    Error::new(kind_of(&error), what)
        .detail(text_of(&error))
        .caused_by(error)
}

/// The kind of a driver's error.
pub fn kind_of(error: &MyError) -> Kind {
    if let Some(kind) = super::tls::kind_of(error) {
        return kind;
    }
    match error {
        MyError::Server(server) => kind_of_code(server.code, &server.message),
        MyError::Io(mysql_async::IoError::Io(io)) => kind_of_io(io),
        MyError::Io(_) => Kind::Unreachable,
        MyError::Driver(DriverError::ConnectionClosed | DriverError::PoolDisconnected) => {
            Kind::Unreachable
        }
        _ => Kind::StatementFailed,
    }
}

/// The server's error number, where the server answered.
pub fn server_code(error: &MyError) -> Option<u16> {
    match error {
        MyError::Server(server) => Some(server.code),
        _ => None,
    }
}

/// Number of the duplicate-key error.
pub const DUPLICATE_ENTRY: u16 = 1062;
/// Number of the error for a table that is there already.
pub const TABLE_EXISTS: u16 = 1050;
/// Number of the error for a table that is not there.
pub const NO_SUCH_TABLE: u16 = 1146;
/// Number of the error for a database that is not there.
pub const NO_SUCH_SCHEMA: u16 = 1049;

/// Whether the error says that a unique key holds the value already.
pub fn is_duplicate(error: &Error) -> bool {
    std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<MyError>())
        .and_then(server_code)
        == Some(DUPLICATE_ENTRY)
}

fn kind_of_io(io: &std::io::Error) -> Kind {
    let text = io.to_string();
    if text.contains("lookup address") || text.contains("Name or service not known") {
        Kind::HostUnknown
    } else {
        Kind::Unreachable
    }
}

/// The message without a value of a row: the server quotes values in some messages.
fn text_of(error: &MyError) -> String {
    match error {
        MyError::Server(server) => {
            format!(
                "server error {} ({}): {}",
                server.code,
                server.state,
                without_values(server.code, &server.message)
            )
        }
        other => other.to_string(),
    }
}

/// Messages that quote a row's value are cut in front of it.
fn without_values(code: u16, message: &str) -> Cow<'_, str> {
    let marker = match code {
        DUPLICATE_ENTRY | 1586 => "Duplicate entry",
        1292 | 1366 | 1264 | 1265 | 1406 => "value",
        _ => return Cow::Borrowed(message),
    };
    match (message.find('\''), message.find(" for ")) {
        (Some(from), Some(to)) if from < to && message[..from].contains(marker) => {
            Cow::Owned(format!("{}'…'{}", &message[..from], &message[to..]))
        }
        _ => Cow::Borrowed(message),
    }
}

/// What a server's error number means for us.
pub fn kind_of_code(code: u16, message: &str) -> Kind {
    match code {
        1044 | 1142 | 1143 | 1227 | 1370 | 3879 => Kind::PrivilegeMissing,
        1045 | 1698 | 1130 | 1862 | 3118 | 4151 => Kind::AccessDenied,
        // read only: --read-only, read-only transaction, OceanBase standby
        1290 if message.contains("read") => Kind::ReadOnly,
        1290 => Kind::StatementFailed,
        1836 | 1792 | 1209 | 4634 | 5066 => Kind::ReadOnly,
        1146 | 1049 | 1051 | 1054 => Kind::ObjectMissing,
        1236 | 1373 | 1789 => Kind::LogPurged,
        // too many connections, shutdown, deadlock, lock wait, aborted, disk full, killed; and 1412: a
        // table was altered since the transaction's snapshot
        1040
        | 1053
        | 1077
        | 1079
        | 1080
        | 1152
        | 1158..=1161
        | 1184
        | 1203
        | 1205
        | 1213
        | 1021
        | 1030
        | 1034
        | 1114
        | 1180
        | 1317
        | 1226
        | 1412
        | 1927
        | 2006
        | 2013
        | 3024
        | 1969
        | 1637
        | 1105 => Kind::ServerBusy,
        // OceanBase: timeouts, leader moves, memory full, not master, try again, schema changes
        4000..=4999 | 5019 | 6001..=6999 if is_oceanbase_transient(code) => Kind::ServerBusy,
        _ => Kind::StatementFailed,
    }
}

fn is_oceanbase_transient(code: u16) -> bool {
    matches!(
        code,
        4009 | 4012
            | 4013
            | 4016
            | 4023
            | 4030
            | 4038
            | 4121
            | 4124
            | 4138
            | 4179
            | 4184
            | 4263
            | 4264
            | 4273
            | 4620
            | 4654
            | 4661
            | 4682
            | 6001
            | 6002
            | 6003
            | 6004
            | 6005
            | 6210
            | 6211
            | 6212
            | 6213
            | 6224
            | 6225
            | 6226
            | 6230
            | 6273
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_rows_are_not_repeated() {
        let text = without_values(1062, "Duplicate entry 'secret@x.y' for key 'u.mail'");
        assert_eq!(text, "Duplicate entry '…' for key 'u.mail'");
        let text = without_values(
            1366,
            "Incorrect integer value: 'abc' for column 'n' at row 1",
        );
        assert_eq!(text, "Incorrect integer value: '…' for column 'n' at row 1");
    }

    #[test]
    fn read_only_is_told_from_other_1290() {
        assert_eq!(
            kind_of_code(1290, "running with the --read-only option"),
            Kind::ReadOnly
        );
        assert_eq!(
            kind_of_code(1290, "running with the --secure-file-priv option"),
            Kind::StatementFailed
        );
    }
}

//! The one table of error kinds: code, retry, remedy.

/// What a retry can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The cause may pass by itself: retried with back-off, a bounded number of times.
    Timed,
    /// A person must do something first; then it can be run again.
    Manual,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $retry:ident, $remedy:literal;)*) => {
        /// Kind of an error; never renumbered, never re-used.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        /// Every kind, in the order of the table.
        pub const ALL_KINDS: &[Kind] = &[$(Kind::$name,)*];

        impl Kind {
            /// Stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
            /// Whether a retry can help.
            pub fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)* }
            }
            /// What to do.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
            /// The variant's name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

kinds! {
    /// The command line or a configuration file is not valid.
    ConfigInvalid = "CFG-0001", Manual, "Correct the named argument or key; `oms help` and docs/configuration.md list them all.";
    /// A file of the configuration cannot be read.
    ConfigUnreadable = "CFG-0002", Manual, "Check the path and its permissions.";
    /// A connection URL is malformed.
    UrlInvalid = "CFG-0003", Manual, "Write it as mysql://user[:password]@host:port; special characters in the password are percent-encoded.";
    /// No password was given where one is needed, or it cannot be read.
    PasswordMissing = "CFG-0004", Manual, "Set the named environment variable, name a password file, or run in a terminal to be asked.";
    /// The key file that encrypts passwords in rm is missing or not right.
    KeyFile = "CFG-0005", Manual, "Restore the key file that belongs to this rm database, or delete the project and create it again.";
    /// The include rules match no table.
    NothingMatches = "CFG-0006", Manual, "Check the spelling and the case of the include and exclude rules.";

    /// The rm database cannot be reached.
    RmUnreachable = "MDB-0001", Timed, "Check that the rm database runs and that its address and account are right.";
    /// A row of rm cannot be understood.
    RmCorrupt = "MDB-0002", Manual, "Correct the named row; docs/rm.md lists the values of each column.";
    /// A newer owner has taken over.
    Fenced = "MDB-0003", Manual, "Nothing to do: another process works on this project now.";
    /// The rm database refused a statement.
    RmFailed = "MDB-0004", Timed, "Read the message of the database; check its disk and the account's privileges.";
    /// Another process holds this rm database.
    RmHeld = "MDB-0005", Manual, "Wait for the other process to end, or stop it; a dead one's hold ends by itself within seconds.";
    /// What was asked for does not exist.
    NotFound = "MDB-0006", Manual, "`oms project list` shows what there is.";
    /// The name is taken, or somebody else wrote the same thing at the same time.
    Taken = "MDB-0007", Timed, "Choose another name, or look again: somebody else wrote at the same time.";

    /// The server cannot be reached.
    Unreachable = "SRC-0001", Timed, "Check host, port, network and that the server runs.";
    /// The server does not know the host name.
    HostUnknown = "SRC-0002", Manual, "Check the spelling of the host name and the resolver.";
    /// The server refused the account.
    AccessDenied = "SRC-0003", Manual, "Check user and password, and from which hosts the account may connect.";
    /// The account lacks a privilege.
    PrivilegeMissing = "SRC-0004", Manual, "Grant the named privilege and run again.";
    /// The server failed a statement for a reason that may pass.
    ServerBusy = "SRC-0005", Timed, "Nothing, if it passes; else look at the server's load and locks.";
    /// The server refused a statement.
    StatementFailed = "SRC-0006", Manual, "Read the server's message; correct the cause and run again.";
    /// The server does not take writes.
    ReadOnly = "SRC-0007", Manual, "Make the server writable again (read_only, super_read_only, disk) and run again.";
    /// The server's version or flavour is not supported.
    VersionUnsupported = "SRC-0008", Manual, "docs/architecture.md lists the supported servers.";
    /// An object is missing.
    ObjectMissing = "SRC-0009", Manual, "Check that the named object exists on the named side.";

    /// The server's certificate is not signed by an authority that is trusted, or not valid now.
    TlsUntrusted = "TLS-0001", Manual, "Give the authority that signed the server's certificate (sslCa, ssl-ca), or choose REQUIRED to encrypt without checking it.";
    /// The server's certificate is made out to another name.
    TlsHostName = "TLS-0002", Manual, "Use a host name that is in the certificate (subjectAltName), or choose VERIFY_CA, which does not check it.";
    /// The server does not take the client certificate, or wants one.
    TlsClientCertificate = "TLS-0003", Manual, "Give a client certificate and its key (sslCert, sslKey) that the server's authority signed.";
    /// The server does not offer TLS.
    TlsUnavailable = "TLS-0004", Manual, "Configure TLS at the server, or choose PREFERRED or DISABLED.";
    /// The server refuses connections without TLS.
    TlsNeeded = "TLS-0005", Manual, "Choose a mode with TLS (sslMode, ssl-mode): REQUIRED, VERIFY_CA or VERIFY_IDENTITY.";
    /// TLS with the server fails.
    TlsFailed = "TLS-0006", Manual, "Read the message; TLS 1.2 and 1.3 are spoken, and certificates must be X.509 version 3.";

    /// The pre-check found something that must be mended first.
    PrecheckFailed = "PRE-0001", Manual, "Mend the items that are FAILED; each says what to do. Then run again.";

    /// A binlog event cannot be decoded.
    BinlogInvalid = "BIN-0001", Manual, "Keep the named binlog file and report it; the Store stopped in front of the event and nothing is lost.";
    /// The source no longer has the log that is needed.
    LogPurged = "BIN-0002", Manual, "The source purged its log before it was read: start the project anew, and keep binlogs longer.";
    /// The source's log settings changed under way.
    LogFormat = "BIN-0003", Manual, "Set binlog_format=ROW and binlog_row_image=FULL on the source, then start the project anew.";
    /// The log's row does not fit the table's definition as it was tracked.
    SchemaDrift = "BIN-0004", Manual, "The table was changed in a way that was not seen in the log; start the project anew for this table.";
    /// The source is not the server that it was.
    SourceChanged = "BIN-0005", Manual, "Point the data source at the server on which the project began, or start the project anew.";
    /// A value or type that cannot be carried without loss.
    TypeUnsupported = "BIN-0006", Manual, "Exclude the table, or change the column's type.";

    /// The Store cannot write its files.
    StoreIo = "STO-0001", Timed, "Check free space and permissions of the Store's folder; it goes on by itself from its last whole transaction.";
    /// A Store's segment is broken.
    StoreCorrupt = "STO-0002", Manual, "Delete the Store's folder; the log is pulled again from the consumers' position while the source still has it.";
    /// The Store does not hold the position that is asked for.
    StorePosition = "STO-0003", Manual, "The position is older than the Store keeps: start the project anew, and raise store.clearer.outdated.";
    /// No active Store for the subtopic yet.
    StoreMissing = "STO-0004", Timed, "Nothing: the consumer waits until the Store runs.";

    /// An object's definition cannot be converted.
    SchemaUnsupported = "STR-0001", Manual, "Exclude the object, or make it at the target by hand and skip its task.";
    /// The target refused an object.
    SchemaRefused = "STR-0002", Manual, "Read the target's message; correct the object or make it by hand and skip its task.";
    /// The table exists at the target with another definition.
    SchemaMismatch = "STR-0003", Manual, "Drop the table at the target, or make it alike.";

    /// The target table holds rows already.
    TargetNotEmpty = "FUL-0001", Manual, "Empty the named table at the target, or exclude it.";
    /// A row cannot be written to the target.
    RowRefused = "FUL-0002", Manual, "Read the target's message; the named slice is copied again when the cause is mended.";
    /// A table without a key cannot be read consistently.
    KeylessRead = "FUL-0003", Manual, "Grant LOCK TABLES on the named database, or give the table a primary key.";

    /// A change cannot be applied to the target.
    ApplyRefused = "INC-0001", Manual, "Read the target's message; correct the cause and run again: it goes on with the same transaction.";
    /// The target does not hold the row that the log changes.
    ApplyDrift = "INC-0002", Manual, "Somebody else wrote to the target; verify the table and correct it.";
    /// A DDL statement cannot be applied.
    DdlUnsupported = "INC-0003", Manual, "Run a fitting statement at the target by hand, then skip the task of this statement.";
    /// The progress kept at the target is missing or not right.
    ProgressInvalid = "INC-0004", Manual, "Do not edit omstxndb; start the project anew.";

    /// Rows differ.
    VerifyDiffers = "CHK-0001", Manual, "`oms project verify-result` lists the rows; the correction SQL is in the named file, --correct applies it.";
    /// A table could not be compared.
    VerifyFailed = "CHK-0002", Manual, "Read the message; the table is not proved equal until it was compared.";

    /// A sub-step of the switchover failed.
    SwitchFailed = "SWI-0001", Manual, "Read what the sub-step says, mend it and retry it (RetryAppSwitch, or task_status = 'PENDING'); or roll the switchover back.";
    /// The switchover's pre-check found something that must be mended first.
    SwitchPrecheck = "SWI-0002", Manual, "Mend what is named, or begin again and waive it by its name; then retry the sub-step.";
    /// The other side does not come up to the last position in time.
    SwitchLag = "SWI-0003", Timed, "Nothing, if it passes; else look at the Incr-Sync's rate, and at who still writes.";
    /// Somebody wrote where writes were said to have stopped.
    StillWritten = "SWI-0004", Manual, "Stop whoever writes to the named tables, then retry the sub-step; or roll the switchover back.";
    /// A roll-back would lose changes.
    WouldBeLost = "SWI-0005", Manual, "Let the way back carry the changes first: mend CREATE_REVERSE_SYNC and retry it.";
    /// Rows differ, or were not compared, where the switchover needs them to be equal.
    ExistInconsistency = "SWI-0006", Manual, "Correct the rows and verify again; or begin the switchover again and waive VERIFICATION.";

    /// A parameter of a request is missing, unknown or wrong.
    ParameterInvalid = "API-0001", Manual, "Correct the named parameter.";
    /// The request names no account, or its password is wrong.
    AccountUnknown = "API-0002", Manual, "Give name and password with HTTP Basic, or a token; the first start of `oms server` prints those of the first account, `oms rm reset-password` replaces a lost one.";
    /// The account's password must be changed before anything else.
    PasswordChange = "API-0003", Manual, "Change the password with the action ChangePassword.";
    /// The account's role does not allow the action, or not with this object.
    Forbidden = "API-0004", Manual, "Ask an account with the right (docs/security.md says which role may do what), or the object's owner.";
    /// Too many failed logins from one address.
    TooManyLogins = "API-0005", Timed, "Wait, then log in with the right password.";
    /// An account asks more often than it may.
    TooManyRequests = "API-0006", Timed, "Ask less often, or raise requests_per_second in the server's configuration.";

    /// What answered the command line is not the API of `oms server`.
    AnswerInvalid = "CLI-0001", Manual, "Check that the URL is that of an `oms server`, and what stands between it and here.";
    /// A project did not come to what `--wait` waits for in time.
    WaitTimedOut = "CLI-0002", Manual, "It goes on at the server: `oms project show ID --steps` shows where it is; give more --timeout.";

    /// A component panicked.
    Panicked = "CMP-0001", Timed, "Report this with the log: it is a defect in oms. The component is started again from its checkpoint.";
    /// A component does not answer.
    Unresponsive = "CMP-0002", Timed, "Nothing, if it passes: the component is started again from its checkpoint.";
    /// An operation is not allowed in this state.
    StateInvalid = "CMP-0003", Manual, "`oms project show ID --steps` shows the state; docs/rm.md lists what is allowed in it.";
    /// A file operation failed.
    Io = "CMP-0004", Timed, "Check free space and permissions of the named path.";
    /// The program contradicts itself.
    Internal = "CMP-0005", Manual, "Report this with the log: it is a defect in oms.";
    /// The user interrupted the run.
    Interrupted = "CMP-0006", Manual, "Run the same command again: it goes on where it was.";
    /// A node may have no more components.
    NoRoom = "CMP-0007", Manual, "Raise the node's quota (`oms node quota`), or wait for other projects or release them; then resume the project.";
}

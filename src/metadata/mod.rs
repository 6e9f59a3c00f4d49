//! The `rm` database: repositories over the rows of the crate `entity`.
//!
//! The only user of SeaORM outside tests. What every repository keeps to:
//!
//! * **Every write of a leader or a component carries its epoch** and changes nothing when the row
//!   has a newer one: [`Written::Fenced`], and the writer must end itself.
//! * **Inserts are idempotent**: what is there already stays as it is.
//! * **A row that a person edited badly is a value, not a failure**: lists give [`Row`]s, each the
//!   row or a [`RowProblem`] that names table, id, column and what is wrong.
//! * **What may pass is tried again** here, a bounded number of times, when doing it twice does no
//!   harm or it certainly was not done. After an error the caller reads again; it does not assume.
//! * A transaction never calls another repository, so the single writer of SQLite cannot wait for
//!   itself.
//!
//! A [`Metadata`] is a handle: clone it freely.

mod access;
mod audit;
mod check;
mod cipher;
mod codes;
mod component;
mod config;
mod connect;
mod connect_pg;
mod datasource;
mod department;
mod error;
mod event;
mod label;
mod lease;
mod mend;
mod metric;
mod modify;
mod node;
mod objects;
mod om_task;
mod param;
mod project;
mod purge;
mod retry;
mod row;
mod session;
mod slice;
mod step;
mod task;
#[cfg(test)]
mod tests;
mod token;
mod user;
mod verify;
mod verify_diff;
mod wake;

pub use audit::{Audit, AuditFilter, AuditLogs, NewAudit};
pub use check::CheckAnew;
pub use cipher::{Cipher, CipherColumn};
pub use component::{Component, Components, NewComponent, Report};
pub use config::Configs;
pub use datasource::{DataSource, DataSourceUpdate, DataSources, NewDataSource};
pub use department::{DEFAULT_DEPARTMENT, Department, Departments};
pub use entity::{
    AlarmLevel, ComponentStatus, ComponentType, DataSourceType, DesiredStatus, DiffType,
    ModifyStatus, ModifyType, OmTaskStatus, OmTaskType, ProjectStatus, ProjectType, SliceStatus,
    StateText, StepName, StepStatus, TaskStatus, UserRole, VerifyResultType, VerifyStatus,
};
pub use error::{MetaError, MetaErrorKind, RowProblem};
pub use event::{Event, Events, NewEvent};
pub use label::{Label, Labels};
pub use lease::{Lease, Leased, Leases};
pub use mend::RawRow;
pub use metric::{Sample, Samples};
pub use modify::{ModifyRecord, ModifyRecords, ModifyUpdate, NewModifyRecord};
pub use node::{Beat, Load, NodeRow, Nodes, QUOTA_MOST};
pub use om_task::{NewOmTask, OmTask, OmTaskFilter, OmTasks};
pub use param::ParameterRow;
pub use project::{NewProject, Project, ProjectFilter, Projects};
pub use row::{Row, Written, new_id, now};
pub use session::{Session, Sessions};
pub use slice::{NewSlice, Slice, SliceCounts, SliceKey, Slices, TableKey};
pub use step::{NewStep, Step, StepUpdate, Steps};
pub use task::{NewTask, Task, TaskUpdate, Tasks};
pub use token::{ApiToken, ApiTokens};
pub use user::{NewUser, User, UserUpdate, Users};
pub use verify::{NewVerify, VerifyKey, VerifyResult, VerifyResults, VerifyUpdate};
pub use verify_diff::{DiffFilter, NewDiff, VerifyDiff};

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqlErr, TransactionTrait};

/// The advisory lock of who migrates: `oms_rm` in ASCII.
const MIGRATION_LOCK: i64 = 0x6f6d_735f_726d;

/// A handle to the rm database.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// For statements that change something. One connection on SQLite.
    write: DatabaseConnection,
    /// For statements that only read. The same pool as `write` on a server.
    read: DatabaseConnection,
    /// Where it is, without the password.
    place: String,
    /// What was read of system parameters.
    parameters: param::Memory,
}

impl Metadata {
    /// Opens the rm database: `sqlite:///path`, a plain path, `mysql://user:password@host:port/db`, or
    /// `postgresql://user:password@host:port/db` (a missing database name means `oms_rm`).
    ///
    /// An SQLite file and its folder are made when missing, a server's database too. The schema is not:
    /// see [`Metadata::migrate`].
    pub async fn open(url: &str) -> Result<Self, MetaError> {
        connect::open(url).await
    }

    /// Brings the schema up to date. Can be run again at any time, and by two processes at once.
    pub async fn migrate(&self) -> Result<(), MetaError> {
        let mut attempt = 0;
        loop {
            match self.migrate_once().await {
                Ok(()) => return Ok(()),
                Err(error) if attempt < 8 && lost_a_race(&error) => {
                    attempt += 1;
                    tokio::time::sleep(retry::pause(attempt)).await;
                }
                Err(error) => return Err(MetaError::from_db("migrate the schema", error)),
            }
        }
    }

    /// PostgreSQL takes DDL back with its transaction, and has locks that end with it: there all changes
    /// are one transaction, and two processes come one after the other.
    async fn migrate_once(&self) -> Result<(), DbErr> {
        if self.write.get_database_backend() != DbBackend::Postgres {
            return Migrator::up(&self.write, None).await;
        }
        let transaction = self.write.begin().await?;
        let lock =
            format!("SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
        transaction.execute_unprepared(&lock).await?;
        Migrator::up(&transaction, None).await?;
        transaction.commit().await
    }

    /// Where the database is, without its password: for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Can the database be reached right now.
    pub async fn ping(&self) -> Result<(), MetaError> {
        self.read
            .ping()
            .await
            .map_err(|error| MetaError::from_db("ping", error))
    }

    /// Closes the connections. Handles that are left fail from here on.
    pub async fn close(self) -> Result<(), MetaError> {
        let close = |error| MetaError::from_db("close", error);
        self.read.close_by_ref().await.map_err(close)?;
        self.write.close_by_ref().await.map_err(close)
    }

    /// Projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects(self)
    }

    /// Steps of projects.
    pub fn steps(&self) -> Steps<'_> {
        Steps(self)
    }

    /// Tasks of steps.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks(self)
    }

    /// O&M tasks.
    pub fn om_tasks(&self) -> OmTasks<'_> {
        OmTasks(self)
    }

    /// Components.
    pub fn components(&self) -> Components<'_> {
        Components(self)
    }

    /// Data sources.
    pub fn datasources(&self) -> DataSources<'_> {
        DataSources(self)
    }

    /// Labels, and which project has which.
    pub fn labels(&self) -> Labels<'_> {
        Labels(self)
    }

    /// Changes of projects' objects.
    pub fn modify_records(&self) -> ModifyRecords<'_> {
        ModifyRecords(self)
    }

    /// What steps had done over time.
    pub fn samples(&self) -> Samples<'_> {
        Samples(self)
    }

    /// System parameters.
    pub fn configs(&self) -> Configs<'_> {
        Configs(self)
    }

    /// Slices of the full copy.
    pub fn slices(&self) -> Slices<'_> {
        Slices(self)
    }

    /// Results and differences of verifications.
    pub fn verify(&self) -> VerifyResults<'_> {
        VerifyResults(self)
    }

    /// The journal.
    pub fn events(&self) -> Events<'_> {
        Events(self)
    }

    /// Accounts.
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }

    /// Departments.
    pub fn departments(&self) -> Departments<'_> {
        Departments(self)
    }

    /// API tokens.
    pub fn api_tokens(&self) -> ApiTokens<'_> {
        ApiTokens(self)
    }

    /// Sessions of the API.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }

    /// The audit log.
    pub fn audit_logs(&self) -> AuditLogs<'_> {
        AuditLogs(self)
    }

    /// Nodes.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes(self)
    }

    /// Leases.
    pub fn leases(&self) -> Leases<'_> {
        Leases(self)
    }
}

/// Did another process migrate at the same moment: then what is left is found at the next look.
fn lost_a_race(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
        || retry::class(error).transient()
        || retry::table_unseen(error)
}

//! What a verification finds: one outcome for each table, and the rows that differ.

use crate::error::ErrorReport;
use crate::model::table::TableName;
use serde::{Deserialize, Serialize};

/// How a table's comparison stands or ended; the names are those of OMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResultType {
    /// Being compared.
    Running,
    /// All rows are equal, and there are some.
    Consistent,
    /// Rows differ.
    Inconsistent,
    /// Neither side has a row.
    BothEmpty,
    /// Only the target has rows.
    SourceEmpty,
    /// Only the source has rows.
    TargetEmpty,
    /// The target has no such table.
    TargetTableNotExist,
    /// The columns are not the same on both sides.
    SchemaMismatch,
    /// So many rows differ that the comparison ended early.
    MismatchLimit,
    /// The same, for a table without a key.
    MismatchLimitNoPk,
    /// The table could not be compared; it is not proved equal.
    RuntimeException,
}

impl ResultType {
    /// The name that stands in `rm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Consistent => "CONSISTENT",
            Self::Inconsistent => "INCONSISTENT",
            Self::BothEmpty => "BOTH_EMPTY",
            Self::SourceEmpty => "SOURCE_EMPTY",
            Self::TargetEmpty => "TARGET_EMPTY",
            Self::TargetTableNotExist => "TARGET_TABLE_NOT_EXIST",
            Self::SchemaMismatch => "SCHEMA_MISMATCH",
            Self::MismatchLimit => "MISMATCH_LIMIT",
            Self::MismatchLimitNoPk => "MISMATCH_LIMIT_NO_PK",
            Self::RuntimeException => "RUNTIME_EXCEPTION",
        }
    }

    /// Whether both sides were proved equal.
    pub fn is_equal(self) -> bool {
        matches!(self, Self::Consistent | Self::BothEmpty)
    }
}

/// Rows counted while a table is compared. All are numbers of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Read at the source.
    pub source_rows: u64,
    /// Read at the target.
    pub target_rows: u64,
    /// Equal on both sides, those included that became equal while they were looked at again.
    pub consistent: u64,
    /// Only in the source (`MASTER_ONLY`).
    pub source_only: u64,
    /// Only in the target (`IMAGE_ONLY`).
    pub dest_only: u64,
    /// On both sides, with other values (`MISMATCHED`).
    pub mismatched: u64,
    /// Differences that were corrected at the target; they are not in the three above.
    pub corrected: u64,
}

impl Counts {
    /// Differences that stand.
    pub fn differences(&self) -> u64 {
        self.source_only + self.dest_only + self.mismatched
    }

    /// Adds another's rows.
    pub fn add(&mut self, other: &Self) {
        self.source_rows += other.source_rows;
        self.target_rows += other.target_rows;
        self.consistent += other.consistent;
        self.source_only += other.source_only;
        self.dest_only += other.dest_only;
        self.mismatched += other.mismatched;
        self.corrected += other.corrected;
    }

    /// Counts one difference.
    pub fn count(&mut self, kind: DiffKind, rows: u64) {
        match kind {
            DiffKind::MasterOnly => self.source_only += rows,
            DiffKind::ImageOnly => self.dest_only += rows,
            DiffKind::Mismatched => self.mismatched += rows,
        }
    }
}

/// How one table's comparison ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableOutcome {
    /// The source's table.
    pub source: TableName,
    /// The target's table.
    pub target: TableName,
    /// The result.
    pub result: ResultType,
    /// Rows.
    pub counts: Counts,
    /// The result in words.
    pub message: String,
    /// Why the table could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
    /// The file of the differences, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_file: Option<String>,
    /// The file of the correction SQL, where there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql_file: Option<String>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DiffKind {
    /// Only in the source.
    MasterOnly,
    /// Only in the target.
    ImageOnly,
    /// On both sides, with other values.
    Mismatched,
}

/// One value of a row that differs. It is written to `rm` and to files, never to a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DiffValue {
    /// SQL NULL.
    Null,
    /// Text; bytes stand as `0x…`.
    Text(String),
    /// A value that is too long to be shown: its size in bytes and its SHA-256.
    Large {
        /// Bytes.
        bytes: u64,
        /// Hexadecimal digest.
        sha256: String,
    },
}

/// A key column's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyValue {
    /// Column.
    pub column_name: String,
    /// Its value.
    pub column_value: DiffValue,
}

/// A column's value on both sides; a side that has no such row is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnDifference {
    /// Column.
    pub column_name: String,
    /// The source's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_value: Option<DiffValue>,
    /// The target's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dest_value: Option<DiffValue>,
}

/// One row that differs: a line of the `.diff` file, a row of `oms_verify_diff`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Tells the row from the others of its table: 32 hexadecimal digits of its key, or of its
    /// values in a table without one.
    pub id: String,
    /// What is wrong.
    #[serde(rename = "type")]
    pub kind: DiffKind,
    /// The row's key; empty for a table without one.
    pub key: Vec<KeyValue>,
    /// Values: the differing columns of a mismatched row, else all columns.
    pub details: Vec<ColumnDifference>,
    /// How many rows of a table without a key are too many or too few; else 1.
    pub rows: u64,
    /// The statement that corrects the target's row. The `.sql` file has it in any case; one that
    /// is too long, and one that cannot be, is replaced by a comment here.
    #[serde(skip)]
    pub correction_sql: String,
}

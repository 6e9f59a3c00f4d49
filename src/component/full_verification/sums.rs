//! Comparing a slice by a sum that each server computes over its own rows: no row travels while the
//! sums are the same. A slice with different sums is halved until few rows are left or both halves
//! differ, and those rows are compared one by one ([`super::merge`]), which alone decides what is a
//! difference.
//!
//! # How strong it is
//!
//! MySQL 9 has neither MD5 nor SHA1, and a CRC-32 is too weak: it would miss one changed row in 2³²,
//! and as it is linear, the same change in two rows of equal length cancels itself out in a XOR of
//! CRCs. Both servers have SHA-2, and the processors of today compute it as fast as a CRC. A row's sum
//! is the first 64 bits of the SHA-256 of the row's text, and a slice's is the XOR of those, with the
//! number of rows beside it: whatever changed, in one row or in many, goes unnoticed with a chance of
//! 2⁻⁶⁴ for each slice that differs.
//!
//! The text of a row is unambiguous: every column in order (bytes as hexadecimal digits), then the
//! lengths of all texts but the last, and which values are NULL. Where two servers write the same value
//! differently the sums differ, the rows are compared one by one, and nothing but time is lost.

use super::gauge::Gauge;
use super::merge::{self, SliceEnd};
use super::outcome::Counts;
use super::plan::{Plan, Side};
use super::sides::{Pair, Sides, reading};
use super::statement::{Slice, read_middle, read_sum};
use super::tally::Tally;
use crate::datasource::mysql::compare::RowStream;
use crate::datasource::mysql::{Connection, Flavour};
use crate::error::{Error, Kind, Result};
use crate::model::row::{Cell, Row};
use crate::model::table::{ColumnType, quote_ident};

/// A slice with different sums and at most so many rows is not halved any more.
const ROWS_TO_COMPARE: u64 = 1000;

/// The expression that gives the sum of some rows on a side; None where the table has values whose
/// text is not the same on both sides, or rows too long for the servers' string functions.
pub fn sum_of_rows(plan: &Plan, side: Side, sides: &Sides) -> Option<String> {
    let max_packet = sides.source.max_packet.min(sides.target.max_packet);
    let mut longest = 0_u64;
    let (mut texts, mut lengths, mut nulls) = (Vec::new(), Vec::new(), Vec::new());
    for column in &plan.columns {
        let name = quote_ident(&column.name);
        let ty = match side {
            Side::Source => &column.ty,
            Side::Target => &column.target_ty,
        };
        longest += longest_text(&column.ty).max(longest_text(&column.target_ty));
        let text = match ty {
            ColumnType::Json | ColumnType::Other(_) => return None,
            // beside text MariaDB turns bytes that are no text into question marks
            _ if column.raw.is_some() => format!("HEX(CAST({name} AS BINARY))"),
            ty if ty.is_binary() || matches!(ty, ColumnType::Bit(_)) => format!("HEX({name})"),
            ColumnType::Float { .. } => format!("{name}*1e0"),
            ty if ty.is_character() && !column.utf8 => format!("CONVERT({name} USING utf8mb4)"),
            _ => name.clone(),
        };
        if ty.is_character() && column.raw.is_none() {
            lengths.push(format!("LENGTH({text})"));
        }
        if column.nullable {
            nulls.push(format!("ISNULL({name})"));
        }
        texts.push(text);
    }
    // a text that is too long would be NULL, and NULL is left out of a sum
    if longest > max_packet as u64 / 2 {
        return None;
    }
    lengths.pop();
    texts.append(&mut lengths);
    texts.append(&mut nulls);
    let row = format!("CONCAT_WS('#',{})", texts.join(","));
    let server = sides.server(side);
    Some(match server.flavour {
        // takes strings of bytes: a fifth less work than a number for each row
        Flavour::MySql if server.version_numbers().0 >= 8 => {
            format!("CONV(LEFT(HEX(BIT_XOR(UNHEX(SHA2({row},256)))),16),16,10)")
        }
        _ => format!("BIT_XOR(CONV(LEFT(SHA2({row},256),16),16,10))"),
    })
}

/// How long a value's text can be, bytes; with room for what surrounds it.
fn longest_text(ty: &ColumnType) -> u64 {
    let bytes_of = |width: u8| 1_u64 << (8 * u64::from(width.min(4)));
    64 + match ty {
        ColumnType::Char(n) | ColumnType::Varchar(n) => u64::from(*n) * 4,
        ColumnType::Binary(n) | ColumnType::Varbinary(n) => u64::from(*n) * 2,
        // a byte of another character set may become three
        ColumnType::Text(width) => bytes_of(*width) * 3,
        ColumnType::Blob(width) => bytes_of(*width) * 2,
        ColumnType::Enum(labels) => labels.iter().map(|l| l.len() as u64 * 4).max().unwrap_or(0),
        ColumnType::Set(labels) => labels.iter().map(|l| l.len() as u64 * 4 + 1).sum(),
        _ => 400,
    }
}

/// What is known of a part of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Both sides hold these rows.
    Equal(u64),
    /// It has so many rows, and the sides differ somewhere in it.
    Different(u64),
    /// Its rows are to be compared.
    Compare,
}

/// Compares a slice by sums as far as that goes, and by rows where it must. `sums` are the
/// expressions of [`sum_of_rows`] for source and target. What is counted is taken off the slice, so
/// that after an error only the rest is compared again.
pub async fn compare(
    plan: &Plan,
    pair: &mut Pair,
    slice: &mut Slice,
    tally: &Tally,
    gauge: &Gauge,
    sums: &[String; 2],
) -> Result<SliceEnd> {
    let upto = slice.upto.clone();
    let first = match look(plan, pair, slice, sums).await {
        Ok(known) => known,
        Err(error) if error.kind() == Kind::StatementFailed => {
            tracing::warn!(table = %plan.source, %error, "a server cannot compute the sums; comparing row by row");
            gauge.refuse();
            Known::Compare
        }
        Err(error) => return Err(error),
    };
    gauge.learn(matches!(first, Known::Equal(_)));
    // parts in the order of the key, the first one last; only what is reached is counted, so that
    // all behind it can be left for later
    let mut parts = vec![(slice.clone(), first)];
    while let Some((part, known)) = parts.pop() {
        match known {
            Known::Equal(rows) => {
                count_equal(tally, rows);
                slice.after = part.upto.or(slice.after.take());
            }
            Known::Different(rows) => {
                let halves = match rows > ROWS_TO_COMPARE {
                    true => halves(plan, pair, &part, rows).await?,
                    false => None,
                };
                let Some((lower, upper)) = halves else {
                    parts.push((part, Known::Compare));
                    continue;
                };
                let mut known = look(plan, pair, &lower, sums).await?;
                let mut other = look(plan, pair, &upper, sums).await?;
                let differs = |known| matches!(known, Known::Different(_));
                if differs(known) && differs(other) {
                    // differences are many: halving further would be in vain
                    (known, other) = (Known::Compare, Known::Compare);
                }
                parts.push((upper, other));
                parts.push((lower, known));
            }
            Known::Compare => match merge::compare(plan, pair, part.clone(), tally).await? {
                SliceEnd::Done => slice.after = part.upto.or(slice.after.take()),
                SliceEnd::Left(Slice { after, .. }) => {
                    return Ok(SliceEnd::Left(Slice { after, upto }));
                }
                SliceEnd::Disordered => return Ok(SliceEnd::Disordered),
            },
        }
    }
    Ok(SliceEnd::Done)
}

fn count_equal(tally: &Tally, rows: u64) {
    let counts = Counts {
        source_rows: rows,
        target_rows: rows,
        ..Counts::default()
    };
    tally.beat(rows);
    tally.add(&counts, 0);
}

/// Both servers compute the sum of a part, at the same time.
async fn look(plan: &Plan, pair: &mut Pair, part: &Slice, sums: &[String; 2]) -> Result<Known> {
    let (source, target) = futures::future::try_join(
        sum(&mut pair.source, plan, Side::Source, part, &sums[0]),
        sum(&mut pair.target, plan, Side::Target, part, &sums[1]),
    )
    .await?;
    let rows = number(&source, 0);
    if source == target {
        return Ok(Known::Equal(rows));
    }
    Ok(Known::Different(rows.max(number(&target, 0))))
}

/// The number of rows and their sum, as a row.
async fn sum(
    conn: &mut Connection,
    plan: &Plan,
    side: Side,
    part: &Slice,
    sum_of_rows: &str,
) -> Result<Row> {
    let sql = read_sum(plan, side, part, sum_of_rows).into_bytes();
    let row = one_row(conn, sql, 2, reading(plan, side)).await?;
    row.ok_or_else(|| {
        Error::new(Kind::StatementFailed, reading(plan, side)).detail("a sum has no row")
    })
}

/// The parts in front of the middle row and behind it, by the source's rows.
async fn halves(
    plan: &Plan,
    pair: &mut Pair,
    part: &Slice,
    rows: u64,
) -> Result<Option<(Slice, Slice)>> {
    let sql = read_middle(plan, Side::Source, part, rows / 2).into_bytes();
    let what = reading(plan, Side::Source);
    let middle = one_row(&mut pair.source, sql, plan.key.len(), what).await?;
    Ok(middle.map(|middle| {
        let lower = Slice {
            after: part.after.clone(),
            upto: Some(middle.clone()),
        };
        let upper = Slice {
            after: Some(middle),
            upto: part.upto.clone(),
        };
        (lower, upper)
    }))
}

async fn one_row(
    conn: &mut Connection,
    sql: Vec<u8>,
    columns: usize,
    what: String,
) -> Result<Option<Row>> {
    let mut stream = RowStream::start(conn, sql, columns, what).await?;
    let row = stream.next().await?;
    while stream.next().await?.is_some() {}
    Ok(row)
}

fn number(row: &Row, at: usize) -> u64 {
    match row.cell(at) {
        Some(Cell::Value(text)) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_have_no_sum() {
        assert!(longest_text(&ColumnType::Text(3)) > 1 << 24);
        assert!(longest_text(&ColumnType::Varchar(120)) < 1000);
    }
}

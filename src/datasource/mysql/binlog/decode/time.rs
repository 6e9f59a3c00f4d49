//! Dates and times, in the formats of MySQL since 5.6, of MySQL before it, and of MariaDB's own
//! older one. TIMESTAMP is given in UTC.

use super::super::input::{Bad, Input};
use super::number::push_padded;

/// YEAR.
pub fn year(input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), Bad> {
    match input.u8()? {
        0 => out.extend_from_slice(b"0000"),
        year => push_padded(out, 1900 + u64::from(year), 4),
    }
    Ok(())
}

fn push_date(out: &mut Vec<u8>, year: u64, month: u64, day: u64) {
    push_padded(out, year, 4);
    out.push(b'-');
    push_padded(out, month, 2);
    out.push(b'-');
    push_padded(out, day, 2);
}

fn push_clock(out: &mut Vec<u8>, hour: u64, minute: u64, second: u64) {
    push_padded(out, hour, 2);
    out.push(b':');
    push_padded(out, minute, 2);
    out.push(b':');
    push_padded(out, second, 2);
}

/// Appends `.` and so many digits of the microseconds.
fn push_fraction(out: &mut Vec<u8>, micros: u64, fsp: u8) {
    if fsp > 0 {
        out.push(b'.');
        let cut = 6 - u32::from(fsp.min(6));
        push_padded(out, micros / 10_u64.pow(cut), usize::from(fsp.min(6)));
    }
}

/// DATE: 15 bits year, 4 month, 5 day.
pub fn date(input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), Bad> {
    let raw = input.le(3)?;
    push_date(out, raw >> 9, (raw >> 5) & 15, raw & 31);
    Ok(())
}

/// The fraction behind a value: microseconds.
fn fraction(input: &mut Input<'_>, fsp: u8) -> Result<u64, Bad> {
    Ok(match fsp {
        0 => 0,
        1 | 2 => input.be(1)? * 10_000,
        3 | 4 => input.be(2)? * 100,
        5 | 6 => input.be(3)?,
        _ => return Err(Bad::Invalid("more than 6 digits of a second")),
    })
}

/// TIME(n) since 5.6: sign, 10 bits hour, 6 minute, 6 second, fraction; biased, as one number.
pub fn time(input: &mut Input<'_>, out: &mut Vec<u8>, fsp: u8) -> Result<(), Bad> {
    let (bytes, step) = match fsp {
        0 => (3, 0),
        1 | 2 => (4, 10_000),
        3 | 4 => (5, 100),
        5 | 6 => (6, 1),
        _ => return Err(Bad::Invalid("more than 6 digits of a second")),
    };
    let bias = 1_i64 << (8 * bytes - 1);
    let value = input.be(bytes)? as i64 - bias;
    let magnitude = value.unsigned_abs();
    let fraction_bits = 8 * (bytes - 3);
    let clock = magnitude >> fraction_bits;
    let micros = (magnitude & ((1 << fraction_bits) - 1)) * step;
    if value < 0 {
        out.push(b'-');
    }
    push_clock(
        out,
        (clock >> 12) & 0x3FF,
        (clock >> 6) & 0x3F,
        clock & 0x3F,
    );
    push_fraction(out, micros, fsp);
    Ok(())
}

/// DATETIME(n) since 5.6: year·13+month (17 bits), 5 day, 5 hour, 6 minute, 6 second; biased.
pub fn datetime(input: &mut Input<'_>, out: &mut Vec<u8>, fsp: u8) -> Result<(), Bad> {
    let raw = input
        .be(5)?
        .checked_sub(0x80_0000_0000)
        .ok_or(Bad::Invalid("a DATETIME is negative"))?;
    let micros = fraction(input, fsp)?;
    push_packed_datetime(out, raw);
    push_fraction(out, micros, fsp);
    Ok(())
}

/// The whole seconds of the packed form that MySQL uses for DATETIME everywhere.
pub(super) fn push_packed_datetime(out: &mut Vec<u8>, raw: u64) {
    let (days, clock) = (raw >> 17, raw & 0x1_FFFF);
    let months = days >> 5;
    push_date(out, months / 13, months % 13, days & 31);
    out.push(b' ');
    push_clock(out, clock >> 12, (clock >> 6) & 0x3F, clock & 0x3F);
}

/// The date of that packed form.
pub(super) fn push_packed_date(out: &mut Vec<u8>, raw: u64) {
    let days = raw >> 17;
    let months = days >> 5;
    push_date(out, months / 13, months % 13, days & 31);
}

/// Sign, clock and fraction of the packed form that MySQL uses for TIME inside JSON.
pub(super) fn push_packed_time(out: &mut Vec<u8>, value: i64) {
    let magnitude = value.unsigned_abs();
    let clock = magnitude >> 24;
    if value < 0 {
        out.push(b'-');
    }
    push_clock(
        out,
        (clock >> 12) & 0x3FF,
        (clock >> 6) & 0x3F,
        clock & 0x3F,
    );
    push_fraction(out, magnitude & 0xFF_FFFF, 6);
}

/// A fraction of six digits.
pub(super) fn push_micros(out: &mut Vec<u8>, micros: u64) {
    push_fraction(out, micros, 6);
}

/// TIMESTAMP(n) since 5.6: seconds since 1970, big-endian, fraction.
pub fn timestamp(input: &mut Input<'_>, out: &mut Vec<u8>, fsp: u8) -> Result<(), Bad> {
    let seconds = input.be(4)?;
    let micros = fraction(input, fsp)?;
    push_timestamp(out, seconds, micros, fsp);
    Ok(())
}

fn push_timestamp(out: &mut Vec<u8>, seconds: u64, micros: u64, fsp: u8) {
    if seconds == 0 && micros == 0 {
        out.extend_from_slice(b"0000-00-00 00:00:00");
    } else {
        let (year, month, day) = civil(seconds / 86_400);
        push_date(out, year, month, day);
        out.push(b' ');
        let clock = seconds % 86_400;
        push_clock(out, clock / 3600, clock / 60 % 60, clock % 60);
    }
    push_fraction(out, micros, fsp);
}

/// Year, month, day of a day since 1970 (Howard Hinnant's algorithm, for days that are not
/// negative).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// TIME before 5.6: ±HHHMMSS as a number of three bytes.
pub fn old_time(input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), Bad> {
    let raw = ((input.le(3)? << 40) as i64) >> 40;
    let value = raw.unsigned_abs();
    if raw < 0 {
        out.push(b'-');
    }
    push_clock(out, value / 10_000, value / 100 % 100, value % 100);
    Ok(())
}

/// DATETIME before 5.6: YYYYMMDDHHMMSS as a number.
pub fn old_datetime(input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), Bad> {
    let raw = input.u64()?;
    let (date, clock) = (raw / 1_000_000, raw % 1_000_000);
    push_date(out, date / 10_000, date / 100 % 100, date % 100);
    out.push(b' ');
    push_clock(out, clock / 10_000, clock / 100 % 100, clock % 100);
    Ok(())
}

/// TIMESTAMP before 5.6: seconds since 1970, little-endian.
pub fn old_timestamp(input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), Bad> {
    let seconds = u64::from(input.u32()?);
    push_timestamp(out, seconds, 0, 0);
    Ok(())
}

/// 10 to the power of the digits that MariaDB's older format leaves out.
fn unshift(fsp: u8) -> Result<u64, Bad> {
    match fsp {
        1..=6 => Ok(10_u64.pow(6 - u32::from(fsp))),
        _ => Err(Bad::Invalid("more than 6 digits of a second")),
    }
}

/// TIME(n), n > 0, of MariaDB with `mysql56_temporal_format=OFF`.
pub fn hires_time(input: &mut Input<'_>, out: &mut Vec<u8>, fsp: u8) -> Result<(), Bad> {
    const BYTES: [usize; 7] = [3, 4, 4, 5, 5, 5, 6];
    const LIMIT_SECS: i64 = 838 * 3600 + 59 * 60 + 59 + 1;
    let unit = unshift(fsp)? as i64;
    let zero = LIMIT_SECS * 1_000_000 / unit;
    let raw = input.be(BYTES[usize::from(fsp)])? as i64;
    let micros = (raw - zero) * unit;
    let value = micros.unsigned_abs();
    if micros < 0 {
        out.push(b'-');
    }
    let seconds = value / 1_000_000;
    push_clock(out, seconds / 3600, seconds / 60 % 60, seconds % 60);
    push_fraction(out, value % 1_000_000, fsp);
    Ok(())
}

/// DATETIME(n), n > 0, of MariaDB with `mysql56_temporal_format=OFF`.
pub fn hires_datetime(input: &mut Input<'_>, out: &mut Vec<u8>, fsp: u8) -> Result<(), Bad> {
    const BYTES: [usize; 7] = [5, 6, 6, 7, 7, 7, 8];
    let unit = unshift(fsp)?;
    let value = input
        .be(BYTES[usize::from(fsp)])?
        .checked_mul(unit)
        .ok_or(Bad::Invalid("a DATETIME is out of range"))?;
    let (value, micros) = (value / 1_000_000, value % 1_000_000);
    let (value, second) = (value / 60, value % 60);
    let (value, minute) = (value / 60, value % 60);
    let (value, hour) = (value / 24, value % 24);
    let (value, day) = (value / 32, value % 32);
    push_date(out, value / 13, value % 13, day);
    out.push(b' ');
    push_clock(out, hour, minute, second);
    push_fraction(out, micros, fsp);
    Ok(())
}

/// TIMESTAMP(n), n > 0, of MariaDB with `mysql56_temporal_format=OFF`.
pub fn hires_timestamp(input: &mut Input<'_>, out: &mut Vec<u8>, fsp: u8) -> Result<(), Bad> {
    const BYTES: [usize; 7] = [0, 1, 1, 2, 2, 3, 3];
    let unit = unshift(fsp)?;
    let seconds = input.be(4)?;
    let micros = input.be(BYTES[usize::from(fsp)])? * unit;
    push_timestamp(out, seconds, micros, fsp);
    Ok(())
}

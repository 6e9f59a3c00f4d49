//! Whole numbers and decimals.

use super::super::input::{Bad, Input};

/// A little-endian integer of `bytes` bytes, padded with zeros to `width` digits.
pub fn int(
    input: &mut Input<'_>,
    out: &mut Vec<u8>,
    bytes: u8,
    unsigned: bool,
    width: u8,
) -> Result<(), Bad> {
    let raw = input.le(usize::from(bytes))?;
    let mut digits = itoa::Buffer::new();
    let text = if unsigned {
        digits.format(raw)
    } else {
        let unused = 64 - 8 * u32::from(bytes);
        digits.format(((raw << unused) as i64) >> unused)
    };
    pad(out, usize::from(width).saturating_sub(text.len()));
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// A 64-bit number as text.
pub fn push_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A 64-bit number as text.
pub fn push_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A number with leading zeros.
pub fn push_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = itoa::Buffer::new();
    let text = digits.format(value);
    pad(out, width.saturating_sub(text.len()));
    out.extend_from_slice(text.as_bytes());
}

fn pad(out: &mut Vec<u8>, zeros: usize) {
    out.resize(out.len() + zeros, b'0');
}

/// Bytes that so many digits (0 to 9) take.
const BYTES_OF: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// A DECIMAL in MySQL's packed form: groups of nine digits in four bytes, big-endian, the sign in
/// the first bit (inverted), all bytes inverted if negative.
pub fn decimal(
    input: &mut Input<'_>,
    out: &mut Vec<u8>,
    precision: u8,
    scale: u8,
    zerofill: bool,
) -> Result<(), Bad> {
    let (precision, scale) = (usize::from(precision), usize::from(scale));
    let whole = precision
        .checked_sub(scale)
        .filter(|_| precision <= 65)
        .ok_or(Bad::Invalid("a DECIMAL's scale exceeds its precision"))?;
    let size = |digits: usize| digits / 9 * 4 + BYTES_OF[digits % 9];
    let bytes = input.take(size(whole) + size(scale))?;
    let first = *bytes.first().ok_or(Bad::Short)?;
    let negative = first & 0x80 == 0;
    let flip = if negative { 0xFF } else { 0 };
    let mut plain = [0_u8; 32];
    let plain = plain.get_mut(..bytes.len()).ok_or(Bad::Short)?;
    for (to, from) in plain.iter_mut().zip(bytes) {
        *to = from ^ flip;
    }
    plain[0] ^= 0x80;

    let mut rest = Input(plain);
    let mut digits = [b'0'; 90];
    let mut at = 0;
    let mut group = |rest: &mut Input<'_>, count: usize| -> Result<(), Bad> {
        let mut value = rest.be(BYTES_OF[count])?;
        for place in digits[at..at + count].iter_mut().rev() {
            *place = b'0' + (value % 10) as u8;
            value /= 10;
        }
        at += count;
        Ok(())
    };
    if whole % 9 > 0 {
        group(&mut rest, whole % 9)?;
    }
    for _ in 0..whole / 9 + scale / 9 {
        group(&mut rest, 9)?;
    }
    if scale % 9 > 0 {
        group(&mut rest, scale % 9)?;
    }
    let (left, right) = digits[..precision].split_at(whole);
    let skip = if zerofill {
        0
    } else {
        left.iter().take_while(|&&d| d == b'0').count()
    };
    if negative {
        out.push(b'-');
    }
    if skip == left.len() {
        out.push(b'0');
    } else {
        out.extend_from_slice(&left[skip..]);
    }
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(right);
    }
    Ok(())
}

//! Floating-point numbers as MySQL prints them: the shortest text that reads back as the same
//! number, with an exponent where the plain form would be long.

use std::io::Write;

/// A number's digits without leading or trailing zeros, and where the point goes.
struct Digits {
    negative: bool,
    digits: [u8; 20],
    len: usize,
    /// The value is `0.digits × 10^point`.
    point: i32,
}

fn digits_of(value: f64) -> Digits {
    let mut buffer = ryu::Buffer::new();
    let value = if value.is_finite() { value } else { 0.0 };
    let text = buffer.format_finite(value).as_bytes();
    let mut out = Digits {
        negative: false,
        digits: [0; 20],
        len: 0,
        point: 0,
    };
    let mut exponent = 0_i32;
    let mut seen_point = false;
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'-' => out.negative = true,
            b'.' => seen_point = true,
            b'e' => {
                let rest = std::str::from_utf8(bytes.as_slice()).unwrap_or("0");
                exponent = rest.parse().unwrap_or(0);
                break;
            }
            digit => {
                // leading zeros carry no digit, but those behind the point move it
                if digit != b'0' || out.len > 0 {
                    if out.len < out.digits.len() {
                        out.digits[out.len] = digit;
                    }
                    out.len += 1;
                    if !seen_point {
                        out.point += 1;
                    }
                } else if seen_point {
                    out.point -= 1;
                }
            }
        }
    }
    out.point += exponent;
    out.len = out.len.min(out.digits.len());
    while out.len > 0 && out.digits[out.len - 1] == b'0' {
        out.len -= 1;
    }
    out
}

/// Beyond so many places the form with an exponent is taken (MAX_DECPT_FOR_F_FORMAT of MySQL).
const MAX_PLACES: i32 = 15;

/// The shortest text, as MySQL's `my_gcvt` chooses between plain and exponent form.
pub fn shortest(out: &mut Vec<u8>, value: f64) {
    // no server stores an infinity or a NaN; should one come, it must not look like a number
    if !value.is_finite() {
        let _ = write!(out, "{value}");
        return;
    }
    let number = digits_of(value);
    if number.negative {
        out.push(b'-');
    }
    if number.len == 0 {
        out.push(b'0');
        return;
    }
    let digits = &number.digits[..number.len];
    let (len, point) = (number.len as i32, number.point);
    if point > -MAX_PLACES && (point <= MAX_PLACES || len > point) {
        push_plain(out, digits, point);
    } else {
        push_exponent(out, digits, point - 1);
    }
}

fn push_plain(out: &mut Vec<u8>, digits: &[u8], point: i32) {
    if point <= 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + point.unsigned_abs() as usize, b'0');
        out.extend_from_slice(digits);
    } else if digits.len() <= point as usize {
        out.extend_from_slice(digits);
        out.resize(out.len() + point as usize - digits.len(), b'0');
    } else {
        let (left, right) = digits.split_at(point as usize);
        out.extend_from_slice(left);
        out.push(b'.');
        out.extend_from_slice(right);
    }
}

fn push_exponent(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let Some((first, rest)) = digits.split_first() else {
        out.push(b'0');
        return;
    };
    out.push(*first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    let _ = write!(out, "e{exponent}");
}

/// With a fixed number of digits behind the point, as for DOUBLE(M,D): the shortest text, filled
/// with zeros, where it has no more digits than that.
pub fn fixed(out: &mut Vec<u8>, value: f64, digits: u8) {
    let number = digits_of(value);
    let behind = match number.len {
        0 => 0,
        len => len as i32 - number.point,
    };
    if !value.is_finite() || behind > i32::from(digits) {
        let _ = write!(out, "{value:.*}", usize::from(digits));
        return;
    }
    if number.negative {
        out.push(b'-');
    }
    if number.len == 0 {
        out.push(b'0');
    } else {
        push_plain(out, &number.digits[..number.len], number.point);
    }
    if digits > 0 {
        if behind <= 0 {
            out.push(b'.');
        }
        let zeros = i32::from(digits) - behind.max(0);
        out.resize(out.len() + zeros as usize, b'0');
    }
}

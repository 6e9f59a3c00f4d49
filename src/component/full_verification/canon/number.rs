//! Decimal numbers of any size: their one canonical form, and their order.

use std::cmp::Ordering;

/// A number's value: `±0.DIGITS × 10^point`, digits without zeros at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl Number {
    /// Reads `[+-]digits[.digits][e[+-]digits]`; None where the text is no number.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (negative, rest) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.iter().position(|b| matches!(b, b'e' | b'E')) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.iter().position(|&b| b == b'.') {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut digits = Vec::with_capacity(whole.len() + fraction.len());
        digits.extend_from_slice(whole);
        digits.extend_from_slice(fraction);
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
        let zeros = digits.iter().take_while(|&&b| b == b'0').count();
        digits.drain(..zeros);
        point = point.checked_sub(i64::try_from(zeros).ok()?)?;
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            point = 0;
        }
        Some(Self {
            negative,
            digits,
            point,
        })
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Text that is the same for the same value. A zero keeps its sign if `signed_zero`.
    pub fn canonical(&self, signed_zero: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.digits.len() + 8);
        if self.negative && (signed_zero || !self.is_zero()) {
            out.push(b'-');
        }
        if self.is_zero() {
            out.push(b'0');
            return out;
        }
        out.extend_from_slice(&self.digits);
        out.push(b'e');
        out.extend_from_slice(self.point.to_string().as_bytes());
        out
    }
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |n: &Self| match (n.is_zero(), n.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        rank(self).cmp(&rank(other)).then_with(|| {
            let magnitude = self
                .point
                .cmp(&other.point)
                .then_with(|| self.digits.cmp(&other.digits));
            if self.negative && !self.is_zero() {
                magnitude.reverse()
            } else if self.is_zero() {
                Ordering::Equal
            } else {
                magnitude
            }
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of two numbers given as text; text that is no number is ordered by its bytes.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    if is_plain(a) && is_plain(b) {
        return a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    }
    match (Number::parse(a), Number::parse(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}

/// Digits without a leading zero: the common case, compared without an allocation.
fn is_plain(text: &[u8]) -> bool {
    text.first().is_some_and(|&b| b != b'0' || text.len() == 1)
        && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        let number = Number::parse(text.as_bytes()).expect(text);
        String::from_utf8(number.canonical(true)).expect("ascii")
    }

    #[test]
    fn one_value_has_one_form() {
        for (a, b) in [
            ("1", "1.000"),
            ("0042", "42"),
            ("1e20", "100000000000000000000"),
            ("-0.50", "-.5"),
            ("1.5e-3", "0.0015"),
            ("0", "0.00e7"),
        ] {
            assert_eq!(canonical(a), canonical(b), "{a} {b}");
        }
        for (a, b) in [
            ("1", "10"),
            ("1", "-1"),
            ("0", "-0"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.10000000000000001"),
        ] {
            assert_ne!(canonical(a), canonical(b), "{a} {b}");
        }
        for text in ["", "-", ".", "1e", "0x1", "1 ", "1e99999999999999999999"] {
            assert_eq!(Number::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_is_that_of_integers(a in any::<i128>(), b in any::<i128>()) {
            prop_assert_eq!(
                compare(a.to_string().as_bytes(), b.to_string().as_bytes()),
                a.cmp(&b)
            );
        }

        #[test]
        fn order_is_that_of_decimals(a in -99_999_i64..99_999, b in -99_999_i64..99_999) {
            let text = |n: i64| {
                let sign = if n < 0 { "-" } else { "" };
                format!("{sign}{}.{:03}", n.abs() / 1000, n.abs() % 1000)
            };
            prop_assert_eq!(compare(text(a).as_bytes(), text(b).as_bytes()), a.cmp(&b));
        }
    }
}

//! Sets of transactions by their global identity: MySQL's `uuid[:tag]:1-77,…` and MariaDB's
//! `domain-server-sequence,…`.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// One transaction's identity in MySQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gtid {
    /// The server (or group) that made it.
    pub source: [u8; 16],
    /// Tag, where it has one (MySQL 8.3 and later), else empty.
    pub tag: String,
    /// Number, from 1.
    pub number: u64,
}

/// Whose transactions: source and tag.
type Origin = ([u8; 16], String);

/// Disjoint ranges in order: first and last number.
type Ranges = Vec<(u64, u64)>;

/// A set of MySQL's transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GtidSet {
    ranges: BTreeMap<Origin, Ranges>,
}

impl GtidSet {
    /// Reads MySQL's text; None where it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for part in text.split(',') {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let mut fields = part.split(':').map(str::trim);
            let source = parse_uuid(fields.next()?)?;
            let mut tag = String::new();
            for field in fields {
                if field.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                    tag = field.to_ascii_lowercase();
                    continue;
                }
                let (first, last) = match field.split_once('-') {
                    Some((first, last)) => (first.trim().parse().ok()?, last.trim().parse().ok()?),
                    None => {
                        let number = field.parse().ok()?;
                        (number, number)
                    }
                };
                if first == 0 || last < first {
                    return None;
                }
                set.add_range(source, &tag, first, last);
            }
        }
        Some(set)
    }

    /// Adds a transaction.
    pub fn add(&mut self, gtid: &Gtid) {
        // the usual case, without an allocation: the next number of the last range
        if gtid.tag.is_empty()
            && let Some(ranges) = self.ranges.get_mut(&(gtid.source, String::new()))
            && let Some(last) = ranges.last_mut()
            && last.1 + 1 == gtid.number
        {
            last.1 = gtid.number;
            return;
        }
        self.add_range(gtid.source, &gtid.tag, gtid.number, gtid.number);
    }

    fn add_range(&mut self, source: [u8; 16], tag: &str, first: u64, last: u64) {
        let ranges = self.ranges.entry((source, tag.to_owned())).or_default();
        // everything that touches or overlaps the new range becomes one with it
        let from = ranges.partition_point(|r| r.1.saturating_add(1) < first);
        let to = ranges.partition_point(|r| r.0 <= last.saturating_add(1));
        let merged = ranges[from..to]
            .iter()
            .fold((first, last), |all, r| (all.0.min(r.0), all.1.max(r.1)));
        ranges.splice(from..to, [merged]);
    }

    /// Whether the transaction is in the set.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.covers(&(gtid.source, gtid.tag.clone()), gtid.number, gtid.number)
    }

    fn covers(&self, key: &Origin, first: u64, last: u64) -> bool {
        self.ranges
            .get(key)
            .is_some_and(|ranges| ranges.iter().any(|r| r.0 <= first && last <= r.1))
    }

    /// Whether every transaction of `other` is in this set.
    pub fn includes(&self, other: &Self) -> bool {
        other
            .ranges
            .iter()
            .all(|(key, ranges)| ranges.iter().all(|r| self.covers(key, r.0, r.1)))
    }

    /// Whether a transaction has a tag.
    pub fn has_tags(&self) -> bool {
        self.ranges.keys().any(|(_, tag)| !tag.is_empty())
    }

    /// Sources with their tags and ranges (first and last number).
    pub fn iter(&self) -> impl Iterator<Item = (&[u8; 16], &str, &[(u64, u64)])> {
        self.ranges
            .iter()
            .map(|((source, tag), ranges)| (source, tag.as_str(), ranges.as_slice()))
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last: Option<&[u8; 16]> = None;
        for ((source, tag), ranges) in &self.ranges {
            if last != Some(source) {
                if last.is_some() {
                    f.write_char(',')?;
                }
                write_uuid(f, source)?;
                last = Some(source);
            }
            if !tag.is_empty() {
                write!(f, ":{tag}")?;
            }
            for (first, end) in ranges {
                write!(f, ":{first}")?;
                if end > first {
                    write!(f, "-{end}")?;
                }
            }
        }
        Ok(())
    }
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let mut out = [0_u8; 16];
    let mut digits = text.bytes().filter(|&b| b != b'-');
    for byte in &mut out {
        let mut digit = || (digits.next()? as char).to_digit(16);
        *byte = (digit()? << 4 | digit()?) as u8;
    }
    digits.next().is_none().then_some(out)
}

fn write_uuid(f: &mut fmt::Formatter<'_>, uuid: &[u8; 16]) -> fmt::Result {
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            f.write_char('-')?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// MariaDB's position: the last transaction of each replication domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MariaGtidPos {
    /// By domain: server and sequence number.
    domains: BTreeMap<u32, (u32, u64)>,
}

impl MariaGtidPos {
    /// Reads `0-1-77,1-1-5`; None where it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let mut out = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let mut fields = part.split('-');
            let domain = fields.next()?.parse().ok()?;
            let server = fields.next()?.parse().ok()?;
            let sequence = fields.next()?.parse().ok()?;
            if fields.next().is_some() {
                return None;
            }
            out.domains.insert(domain, (server, sequence));
        }
        Some(out)
    }

    /// A domain's newest transaction.
    pub fn set(&mut self, domain: u32, server: u32, sequence: u64) {
        self.domains.insert(domain, (server, sequence));
    }
}

impl fmt::Display for MariaGtidPos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (domain, (server, sequence))) in self.domains.iter().enumerate() {
            if at > 0 {
                f.write_char(',')?;
            }
            write!(f, "{domain}-{server}-{sequence}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn sets_are_read_and_printed() {
        for (text, printed) in [
            ("", String::new()),
            (&format!("{A}:1-5"), format!("{A}:1-5")),
            (
                &format!("{}:1-3:5:4, {A}:9", A.to_uppercase()),
                format!("{A}:1-5:9"),
            ),
            (
                &format!("{A}:1-5:Blue:7-9:red:1"),
                format!("{A}:1-5:blue:7-9:red:1"),
            ),
        ] {
            assert_eq!(
                GtidSet::parse(text).map(|s| s.to_string()),
                Some(printed),
                "{text}"
            );
        }
        for text in ["x:1", &format!("{A}:5-1"), &format!("{A}:0"), "3e:1"] {
            assert_eq!(GtidSet::parse(text), None, "{text}");
        }
    }

    #[test]
    fn mariadb_positions_keep_one_transaction_a_domain() {
        let mut pos = MariaGtidPos::parse("1-2-3,0-1-77").expect("valid");
        pos.set(0, 4, 78);
        assert_eq!(pos.to_string(), "0-4-78,1-2-3");
        assert_eq!(MariaGtidPos::parse("0-1"), None);
    }

    proptest! {
        #[test]
        fn a_set_is_what_was_added(numbers in proptest::collection::vec(1_u64..60, 0..80)) {
            let mut set = GtidSet::default();
            let gtid = |number| Gtid { source: [7; 16], tag: String::new(), number };
            for &number in &numbers {
                set.add(&gtid(number));
            }
            for number in 1..62 {
                prop_assert_eq!(set.contains(&gtid(number)), numbers.contains(&number));
            }
            let again = GtidSet::parse(&set.to_string()).expect("own text");
            prop_assert!(again == set && set.includes(&again));
            for (_, _, ranges) in set.iter() {
                prop_assert!(ranges.windows(2).all(|w| w[0].1 + 1 < w[1].0));
            }
        }
    }
}

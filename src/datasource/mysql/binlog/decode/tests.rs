//! Values as the servers print them, and garbage.

use super::text::Charset;
use super::*;
use crate::model::row::{Cell, Cells};
use proptest::prelude::*;

/// The text of one value.
fn decoded(decoder: &Decoder, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    let mut input = Input(bytes);
    decoder.decode(&mut input, &mut out).expect("valid");
    assert!(input.is_empty(), "bytes are left");
    match Cells::new(&out).next() {
        Some(Cell::Value(value)) => String::from_utf8_lossy(value).into_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn doubles_choose_their_form_as_mysql_does() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1e14, "100000000000000"),
        (1e15, "1e15"),
        (123_456_789_012_345_680.0, "1.2345678901234568e17"),
        (1_234_567_890_123_456.7, "1234567890123456.8"),
        (1e-15, "0.000000000000001"),
        (1e-16, "1e-16"),
        (1.5e-15, "0.0000000000000015"),
        (-1.797_693_134_862_315_7e308, "-1.7976931348623157e308"),
        (5e-324, "5e-324"),
        (0.1, "0.1"),
        (100.0, "100"),
        (f64::NAN, "NaN"),
    ] {
        let mut out = Vec::new();
        double::shortest(&mut out, value);
        assert_eq!(String::from_utf8_lossy(&out), text);
    }
}

#[test]
fn doubles_with_fixed_digits() {
    for (value, digits, text) in [
        (0.0, 2, "0.00"),
        (-0.0, 2, "-0.00"),
        (1.5, 4, "1.5000"),
        (1.23456, 3, "1.235"),
        (100.0, 0, "100"),
        (3.290_612_098_931_148_3e18, 1, "3290612098931148300.0"),
        (0.001, 2, "0.00"),
    ] {
        let mut out = Vec::new();
        double::fixed(&mut out, value, digits);
        assert_eq!(String::from_utf8_lossy(&out), text);
    }
}

#[test]
fn times_before_zero() {
    // the table in MySQL's source, for two digits of a second
    for (bytes, text) in [
        ([0x80, 0, 0, 0], "00:00:00.00"),
        ([0x7F, 0xFF, 0xFF, 0xFF], "-00:00:00.01"),
        ([0x7F, 0xFF, 0xFF, 0x9D], "-00:00:00.99"),
        ([0x7F, 0xFF, 0xFF, 0x00], "-00:00:01.00"),
        ([0x7F, 0xFF, 0xFE, 0xFF], "-00:00:01.01"),
    ] {
        assert_eq!(decoded(&Decoder::Time(2), &bytes), text);
    }
}

#[test]
fn decimals() {
    // 1234567890.1234 as DECIMAL(14,4), the example in MySQL's source
    let bytes = [0x81, 0x0D, 0xFB, 0x38, 0xD2, 0x04, 0xD2];
    let decoder = |zerofill| Decoder::Decimal {
        precision: 14,
        scale: 4,
        zerofill,
    };
    assert_eq!(decoded(&decoder(false), &bytes), "1234567890.1234");
    let negative = bytes.map(|b| !b);
    assert_eq!(decoded(&decoder(false), &negative), "-1234567890.1234");
    let small = [0x80, 0, 0, 0, 7, 0, 0];
    assert_eq!(decoded(&decoder(false), &small), "7.0000");
    assert_eq!(decoded(&decoder(true), &small), "0000000007.0000");
}

#[test]
fn long_text_gets_a_long_length() {
    let mut bytes = vec![0x2C, 0x01];
    bytes.extend([0xFC; 300]);
    let text = decoded(&Decoder::Text(2, Charset::Latin1), &bytes);
    assert_eq!(text, "ü".repeat(300));
    assert_eq!(decoded(&Decoder::Binary(1, 4), &[2, b'a', b'b']), "ab\0\0");
}

#[test]
fn a_document_that_refers_to_itself_ends() {
    // an array of two arrays that begin where it begins itself
    let mut document = vec![2];
    document.extend([2, 0, 10, 0, 2, 0, 0, 2, 0, 0]);
    let mut out = Vec::new();
    assert!(json::to_text(&document, &mut out).is_err());
}

fn any_decoder() -> impl Strategy<Value = Decoder> {
    let labels: Arc<[Box<str>]> = vec!["a".into(), "b".into()].into();
    let (set, enumeration) = (labels.clone(), labels);
    prop_oneof![
        (1_u8..=8, any::<bool>(), 0_u8..30).prop_map(|(bytes, unsigned, width)| Decoder::Int {
            bytes,
            unsigned,
            width
        }),
        (any::<u8>(), any::<u8>(), any::<bool>()).prop_map(|(precision, scale, zerofill)| {
            Decoder::Decimal {
                precision,
                scale,
                zerofill,
            }
        }),
        Just(Decoder::Float),
        proptest::option::of(0_u8..31).prop_map(Decoder::Double),
        Just(Decoder::Year),
        (0_usize..9).prop_map(Decoder::Bit),
        (1_usize..3).prop_map(move |n| Decoder::Enum(n, enumeration.clone())),
        (1_usize..9).prop_map(move |n| Decoder::Set(n, set.clone())),
        (1_usize..5, 0_usize..7).prop_map(|(n, which)| {
            let names = [
                "utf8mb4", "latin1", "ucs2", "utf16le", "utf32", "gbk", "cp932",
            ];
            Decoder::Text(n, Charset::by_name(names[which]).expect("supported"))
        }),
        (1_usize..5).prop_map(Decoder::Bytes),
        (1_usize..3, 0_usize..300).prop_map(|(n, size)| Decoder::Binary(n, size)),
        (1_usize..5).prop_map(Decoder::Json),
        Just(Decoder::Date),
        Just(Decoder::OldTime),
        Just(Decoder::OldDatetime),
        Just(Decoder::OldTimestamp),
        (1_u8..7).prop_map(Decoder::HiresTime),
        (1_u8..7).prop_map(Decoder::HiresDatetime),
        (1_u8..7).prop_map(Decoder::HiresTimestamp),
        (0_u8..9).prop_map(Decoder::Time),
        (0_u8..9).prop_map(Decoder::Datetime),
        (0_u8..9).prop_map(Decoder::Timestamp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn garbage_never_panics(
        decoder in any_decoder(),
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut out = Vec::new();
        if decoder.decode(&mut Input(&bytes), &mut out).is_ok() {
            // what was written is exactly one cell
            let mut cells = Cells::new(&out);
            prop_assert!(matches!(cells.next(), Some(Cell::Value(_))));
            prop_assert!(cells.next().is_none());
        }
    }

    #[test]
    fn json_garbage_never_panics(bytes in proptest::collection::vec(0_u8..20, 0..60)) {
        let _ = json::to_text(&bytes, &mut Vec::new());
    }

    #[test]
    fn doubles_read_back(value in any::<f64>()) {
        prop_assume!(value.is_finite());
        let mut out = Vec::new();
        double::shortest(&mut out, value);
        let text = String::from_utf8(out).expect("text");
        prop_assert_eq!(text.parse::<f64>().expect("number").to_bits(), value.to_bits());
    }

    #[test]
    fn whole_numbers_are_their_text(value in any::<i64>(), bytes in 1_u8..9) {
        let shift = 64 - 8 * u32::from(bytes);
        let value = value >> shift;
        let raw = value.to_le_bytes();
        let raw = &raw[..usize::from(bytes)];
        let int = |unsigned| Decoder::Int { bytes, unsigned, width: 0 };
        prop_assert_eq!(decoded(&int(false), raw), value.to_string());
        let unsigned = (value as u64) << shift >> shift;
        prop_assert_eq!(decoded(&int(true), raw), unsigned.to_string());
    }
}

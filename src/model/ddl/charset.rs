//! Character sets and collations by name.

/// Character sets, the longest character in bytes, and the default collation where it is not
/// `<name>_general_ci`.
const CHARSETS: &[(&str, u32, &str)] = &[
    ("big5", 2, "big5_chinese_ci"),
    ("dec8", 1, "dec8_swedish_ci"),
    ("hp8", 1, "hp8_english_ci"),
    ("latin1", 1, "latin1_swedish_ci"),
    ("swe7", 1, "swe7_swedish_ci"),
    ("ujis", 3, "ujis_japanese_ci"),
    ("sjis", 2, "sjis_japanese_ci"),
    ("tis620", 1, "tis620_thai_ci"),
    ("euckr", 2, "euckr_korean_ci"),
    ("gb2312", 2, "gb2312_chinese_ci"),
    ("gbk", 2, "gbk_chinese_ci"),
    ("gb18030", 4, "gb18030_chinese_ci"),
    ("latin5", 1, "latin5_turkish_ci"),
    ("cp932", 2, "cp932_japanese_ci"),
    ("eucjpms", 3, "eucjpms_japanese_ci"),
    ("binary", 1, "binary"),
    ("utf8mb3", 3, "utf8mb3_general_ci"),
    ("utf8mb4", 4, "utf8mb4_general_ci"),
    ("ucs2", 2, "ucs2_general_ci"),
    ("utf16", 4, "utf16_general_ci"),
    ("utf16le", 4, "utf16le_general_ci"),
    ("utf32", 4, "utf32_general_ci"),
];

/// Lower case, and `utf8` by its unambiguous name.
pub fn canonical_charset(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "utf8" => "utf8mb3".to_owned(),
        other => other.to_owned(),
    }
}

/// Lower case, and `utf8_…` by its unambiguous name.
pub fn canonical_collation(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => name,
    }
}

/// The character set of a collation.
pub fn of_collation(collation: &str) -> &str {
    collation.split('_').next().unwrap_or(collation)
}

/// The default collation of a character set (of utf8mb4: the one before MySQL 8).
pub fn default_collation(charset: &str) -> String {
    CHARSETS
        .iter()
        .find(|(name, _, _)| *name == charset)
        .map_or_else(
            || format!("{charset}_general_ci"),
            |(_, _, collation)| (*collation).to_owned(),
        )
}

/// The longest character in bytes.
pub fn max_bytes(charset: &str) -> u32 {
    CHARSETS
        .iter()
        .find(|(name, _, _)| *name == charset)
        .map_or(1, |(_, bytes, _)| *bytes)
}

/// The binary collation of a character set.
pub fn binary_collation(charset: &str) -> String {
    match charset {
        "binary" => "binary".to_owned(),
        other => format!("{other}_bin"),
    }
}

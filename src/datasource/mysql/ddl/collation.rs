//! Which collation of a target stands for one of the source.
//!
//! The nearest that the target has, never one that ignores differences which the source's own
//! collation respects by its kind: case- or accent-sensitive ones become binary where nothing
//! nearer is known.

use super::target::Target;
use crate::model::ddl::CharsetDefault;
use crate::model::ddl::charset::{default_collation, of_collation};

/// Languages of MySQL's `utf8mb4_<tag>_0900_…` and of MariaDB's `utf8mb4_uca1400_<name>_…`.
const LANGUAGES: &[(&str, &str)] = &[
    ("is", "icelandic"),
    ("lv", "latvian"),
    ("ro", "romanian"),
    ("sl", "slovenian"),
    ("pl", "polish"),
    ("et", "estonian"),
    ("es", "spanish"),
    ("sv", "swedish"),
    ("tr", "turkish"),
    ("cs", "czech"),
    ("da", "danish"),
    ("lt", "lithuanian"),
    ("sk", "slovak"),
    ("es_trad", "spanish2"),
    ("la", "roman"),
    ("eo", "esperanto"),
    ("hu", "hungarian"),
    ("hr", "croatian"),
    ("vi", "vietnamese"),
    ("de_pb", "german2"),
];

/// Character set and collation at the target.
pub fn map_charset(charset: &str, collation: &str, target: &Target) -> CharsetDefault {
    let found = candidates(charset, collation, target)
        .into_iter()
        .find(|name| target.knows(name));
    let collation = found.unwrap_or_else(|| {
        if is_sensitive(collation) {
            "utf8mb4_bin".to_owned()
        } else {
            "utf8mb4_general_ci".to_owned()
        }
    });
    CharsetDefault {
        charset: of_collation(&collation).to_owned(),
        collation,
    }
}

/// Whether a collation tells case or accents apart.
pub(super) fn is_sensitive(collation: &str) -> bool {
    collation.ends_with("_bin")
        || collation.ends_with("_cs")
        || collation.ends_with("_ks")
        || collation.ends_with("_as_ci")
        || collation == "binary"
}

/// What values a mapping makes equal that the source tells apart, in words; None: none that is
/// known.
pub(super) fn stricter(from: &str, to: &str) -> Option<&'static str> {
    if from == to || to.contains("0900") || to.contains("uca1400") || to == "binary" {
        return None;
    }
    let nopad = from.contains("0900") || from.contains("nopad");
    if to.ends_with("_bin") {
        return (nopad && !to.contains("nopad")).then_some("end in a different number of spaces");
    }
    match (to.contains("general"), nopad) {
        (true, true) => Some(
            "end in a different number of spaces, or differ in characters beyond U+FFFF (emoji), or in ß against s",
        ),
        (true, false) if !from.contains("general") => {
            Some("differ in letters that only the language's own collation tells apart")
        }
        _ => None,
    }
}

fn candidates(charset: &str, collation: &str, target: &Target) -> Vec<String> {
    let mut out = vec![collation.to_owned()];
    let rest = collation
        .strip_prefix(charset)
        .and_then(|r| r.strip_prefix('_'))
        .unwrap_or(collation);
    if rest == "bin" || rest.ends_with("_bin") {
        if rest != "bin" {
            out.push(format!("{charset}_nopad_bin"));
            out.push(format!("{charset}_0900_bin"));
        }
        out.push(format!("{charset}_bin"));
        return out;
    }
    if let Some((language, kind)) = split_0900(rest) {
        out.extend(uca1400(charset, language, kind));
    } else if let Some(kind) = rest.strip_prefix("uca1400_") {
        out.extend(from_uca1400(charset, kind));
    }
    if is_sensitive(collation) {
        out.push(format!("{charset}_bin"));
        return out;
    }
    if let Some(padded) = rest.strip_suffix("_nopad_ci") {
        out.push(format!("{charset}_{padded}_ci"));
    }
    if let Some(language) = rest.strip_suffix("_mysql561_ci") {
        out.push(format!("{charset}_{language}_ci"));
    }
    if rest.contains("0900") || rest.contains("uca1400") || rest.contains("520") {
        out.push(format!("{charset}_unicode_520_ci"));
        out.push(format!("{charset}_unicode_ci"));
    } else if rest.starts_with("unicode") {
        out.push(format!("{charset}_unicode_ci"));
    }
    out.push(match charset {
        "utf8mb4" => "utf8mb4_general_ci".to_owned(),
        other => default_collation(other),
    });
    // another character set: the default of the one that holds all of them
    if !target.knows_charset(charset) && charset != "utf8mb4" {
        out.push("utf8mb4_general_ci".to_owned());
    }
    out
}

/// `sv_0900_ai_ci` as (`sv`, `ai_ci`).
fn split_0900(rest: &str) -> Option<(&str, &str)> {
    if let Some(kind) = rest.strip_prefix("0900_") {
        return Some(("", kind));
    }
    rest.split_once("_0900_")
}

fn uca1400(charset: &str, language: &str, kind: &str) -> Vec<String> {
    let kind = kind.strip_suffix("_ks").unwrap_or(kind);
    let name = LANGUAGES
        .iter()
        .find(|(tag, _)| *tag == language)
        .map(|(_, name)| *name);
    let mut out = Vec::new();
    if let Some(name) = name {
        out.push(format!("{charset}_uca1400_{name}_nopad_{kind}"));
    }
    out.push(format!("{charset}_uca1400_nopad_{kind}"));
    out
}

/// From `swedish_nopad_ai_ci` and the like.
fn from_uca1400(charset: &str, rest: &str) -> Vec<String> {
    let mut kind = rest;
    let mut tag = "";
    for (candidate, name) in LANGUAGES {
        if let Some(behind) = rest.strip_prefix(name).and_then(|r| r.strip_prefix('_')) {
            (tag, kind) = (candidate, behind);
        }
    }
    let kind = kind.strip_prefix("nopad_").unwrap_or(kind);
    // MySQL has no collation that tells case apart but not accents
    let kind = if kind == "ai_cs" { "as_cs" } else { kind };
    let mut out = Vec::new();
    if !tag.is_empty() {
        out.push(format!("{charset}_{tag}_0900_{kind}"));
    }
    out.push(format!("{charset}_0900_{kind}"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasource::mysql::Flavour;

    fn mapped(collation: &str, flavour: Flavour, version: (u32, u32, u32)) -> String {
        let target = Target::typical(flavour, version);
        map_charset(of_collation(collation), collation, &target).collation
    }

    #[test]
    fn nearest_collations() {
        for (from, mariadb, oceanbase) in [
            (
                "utf8mb4_0900_ai_ci",
                "utf8mb4_uca1400_nopad_ai_ci",
                "utf8mb4_general_ci",
            ),
            (
                "utf8mb4_0900_as_cs",
                "utf8mb4_uca1400_nopad_as_cs",
                "utf8mb4_bin",
            ),
            (
                "utf8mb4_0900_as_ci",
                "utf8mb4_uca1400_nopad_as_ci",
                "utf8mb4_bin",
            ),
            (
                "utf8mb4_sv_0900_ai_ci",
                "utf8mb4_uca1400_swedish_nopad_ai_ci",
                "utf8mb4_general_ci",
            ),
            (
                "utf8mb4_ja_0900_as_cs_ks",
                "utf8mb4_uca1400_nopad_as_cs",
                "utf8mb4_bin",
            ),
            ("utf8mb4_0900_bin", "utf8mb4_nopad_bin", "utf8mb4_bin"),
            (
                "utf8mb4_unicode_ci",
                "utf8mb4_unicode_ci",
                "utf8mb4_general_ci",
            ),
            (
                "latin1_swedish_ci",
                "latin1_swedish_ci",
                "utf8mb4_general_ci",
            ),
            ("latin1_general_cs", "latin1_bin", "utf8mb4_bin"),
            (
                "gb18030_chinese_ci",
                "utf8mb4_general_ci",
                "utf8mb4_general_ci",
            ),
            ("binary", "binary", "binary"),
        ] {
            assert_eq!(
                mapped(from, Flavour::MariaDb, (10, 11, 0)),
                mariadb,
                "{from}"
            );
            assert_eq!(
                mapped(from, Flavour::OceanBase, (1, 4, 0)),
                oceanbase,
                "{from}"
            );
        }
    }

    #[test]
    fn back_to_mysql() {
        for (from, new, old) in [
            (
                "utf8mb4_uca1400_ai_ci",
                "utf8mb4_0900_ai_ci",
                "utf8mb4_unicode_520_ci",
            ),
            (
                "utf8mb4_uca1400_swedish_nopad_ai_ci",
                "utf8mb4_sv_0900_ai_ci",
                "utf8mb4_unicode_520_ci",
            ),
            ("utf8mb4_uca1400_ai_cs", "utf8mb4_0900_as_cs", "utf8mb4_bin"),
            ("utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin"),
            (
                "utf8mb4_general_nopad_ci",
                "utf8mb4_general_ci",
                "utf8mb4_general_ci",
            ),
        ] {
            assert_eq!(mapped(from, Flavour::MySql, (9, 7, 0)), new, "{from}");
            assert_eq!(mapped(from, Flavour::MySql, (5, 7, 0)), old, "{from}");
        }
    }
}

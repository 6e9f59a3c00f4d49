//! Tables of JSON documents: each column has a title and the place of its value.

use crate::cli::table;
use serde_json::Value;

/// A title, and the value's place: names with dots between them.
pub type Column = (&'static str, &'static str);

/// The value at a place; null where there is none.
pub fn at<'a>(data: &'a Value, place: &str) -> &'a Value {
    place
        .split('.')
        .try_fold(data, |value, name| value.get(name))
        .unwrap_or(&Value::Null)
}

/// The text at a place; empty where there is none.
pub fn text_at(data: &Value, place: &str) -> String {
    cell(at(data, place))
}

/// A value as it is shown. What a server sends cannot steer the terminal.
pub fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) if items.iter().all(|i| !i.is_array() && !i.is_object()) => {
            let items: Vec<_> = items.iter().map(cell).collect();
            items.join(", ")
        }
        other => other.to_string(),
    };
    text.replace(char::is_control, " ")
}

/// A row for each item.
pub fn rows(items: &[Value], columns: &[Column]) -> String {
    let mut t = table::with_header(columns.iter().map(|(title, _)| *title));
    for item in items {
        t.add_row(columns.iter().map(|(_, place)| text_at(item, place)));
    }
    t.to_string()
}

/// A row for each item of a list; nothing where it is no list.
pub fn list(data: &Value, columns: &[Column]) -> String {
    rows(data.as_array().map_or(&[], Vec::as_slice), columns)
}

/// A line for each field that has a value.
pub fn fields(data: &Value, columns: &[Column]) -> String {
    let mut t = table::plain();
    for (title, place) in columns {
        let value = text_at(data, place);
        if !value.is_empty() {
            t.add_row([(*title).to_owned(), value]);
        }
    }
    t.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_found_and_shown() {
        let data = json!({ "a": { "b": [1, "x"], "c": null, "d": true }, "e": [{ "f": 1 }] });
        let shown = |place: &str| text_at(&data, place);
        assert_eq!(
            [
                shown("a.b"),
                shown("a.c"),
                shown("a.d"),
                shown("e"),
                shown("no.such")
            ],
            ["1, x", "", "yes", "[{\"f\":1}]", ""]
        );
        assert_eq!(cell(&json!("a\u{1b}[2Jb\nc")), "a [2Jb c");
    }

    #[test]
    fn tables_have_what_there_is() {
        let data = json!([{ "id": "x", "n": 1 }, { "id": "y" }]);
        let text = list(&data, &[("ID", "id"), ("COUNT", "n")]);
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].contains("ID") && lines[0].contains("COUNT"),
            "{text}"
        );
        assert_eq!(lines.len(), 4, "{text}");
        let text = fields(&data[1], &[("Id", "id"), ("Count", "n")]);
        assert!(text.contains('y') && !text.contains("Count"), "{text}");
    }
}

//! Tables in a terminal.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle, presets};

/// A line below the header, and nothing else.
const HEADER_LINE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table without lines, fitted to the terminal.
pub fn plain() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// A table with a header.
pub fn headed<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(HEADER_LINE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// A table whose header is only known when the program runs.
pub fn with_header<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = headed([]);
    table.set_header(header);
    table
}

//! What the pages of a run and of a study are built of: opening, tables, text of the user.

use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

/// How a page begins, with its title and its heading, which are escaped already.
pub(crate) fn opening(title: &str, heading: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style></head><body>\n<h1>{heading}</h1>\n"
    )
}

/// A column of a table, by its head.
pub(crate) enum Column<'a> {
    /// Words, which wrap.
    Text(&'a str),
    /// Figures, which do not.
    Number(&'a str),
}

/// A table in a frame, in which it scrolls where it is wider than the page. The cells are markup already.
pub(crate) fn table(page: &mut String, columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) {
    page.push_str("<div class=\"wide\"><table><thead><tr>");
    for column in columns {
        // Writing to a string cannot fail, here and below.
        let _ = match column {
            Column::Text(head) => write!(page, "<th>{}</th>", user(head)),
            Column::Number(head) => write!(page, "<th class=\"n\">{}</th>", user(head)),
        };
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in rows {
        page.push_str("<tr>");
        for (column, cell) in columns.iter().zip(row) {
            let _ = match column {
                // A cell with Hebrew or Arabic text begins at its right edge.
                Column::Text(_) => write!(page, "<td dir=\"auto\">{cell}</td>"),
                Column::Number(_) => write!(page, "<td class=\"n\">{cell}</td>"),
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

/// A list of facts, by name and value, which are plain text.
pub(crate) fn facts(page: &mut String, facts: &[(String, String)]) {
    page.push_str("<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", escape(name), user(value));
    }
    page.push_str("</dl>\n");
}

/// A pattern as it stands in the task file.
pub(crate) fn pattern(text: &str) -> String {
    format!("<code dir=\"auto\">{}</code>", escape(text))
}

/// Text of the user among other text: its direction does not turn what stands beside it.
pub(crate) fn user(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text))
}

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

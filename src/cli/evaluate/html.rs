//! The page: before and after of every portrait, the worst first, in one file that needs no other.

use std::fmt::Write;

use super::super::markup::{self, escaped};
use super::columns::COLUMNS;
use super::outcome::{Face, name_of};
use super::report::Evaluation;

/// `evaluate.html`.
pub(super) fn page(evaluation: &Evaluation) -> String {
    let settings = escaped(&evaluation.settings.words);
    let (style, own_style) = (markup::STYLE, include_str!("page.css"));
    let interrupted = markup::interrupted(evaluation.interrupted);
    let summary = summary(evaluation);
    let failed = markup::failed(evaluation.failed.iter());
    let passed_over = match evaluation.passed_over.len() {
        0 => String::new(),
        count => format!("<p class=\"faint\">{count} without a double chin were passed over.</p>"),
    };
    let faces: String = evaluation.faces.iter().map(face).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Jawline: evaluation</title>\n<style>\n{style}{own_style}</style>\n</head>\n<body>\n\
         <h1>Evaluation</h1>\n<p>{settings}</p>\n{interrupted}{passed_over}\n\
         <section>\n<h2>Medians, and the share of double chins removed</h2>\n{summary}</section>\n\
         {failed}{faces}</body>\n</html>\n"
    )
}

/// A row of a table: the first cell names it, the others are figures, and whether they are missed.
fn table_row(html: &mut String, name: &str, figures: impl Iterator<Item = (String, bool)>) {
    // Writing to a string does not fail.
    let _ = write!(html, "<tr><td>{}</td>", escaped(name));
    for (figure, is_missed) in figures {
        let class = if is_missed { " class=\"missed\"" } else { "" };
        let _ = write!(html, "<td{class}>{}</td>", escaped(&figure));
    }
    html.push_str("</tr>\n");
}

fn table(rows: &str) -> String {
    let titles = COLUMNS.iter().map(|column| column.title);
    let titles: String = titles.map(|title| format!("<th>{title}</th>")).collect();
    format!(
        "<div class=\"scroll\"><table>\n<tr><th>method</th>{titles}</tr>\n{rows}</table></div>\n"
    )
}

fn summary(evaluation: &Evaluation) -> String {
    let mut rows = String::new();
    let mut counts = String::new();
    for summary in evaluation.summaries() {
        let name = name_of(summary.method);
        let figures = COLUMNS.iter().zip(summary.figures);
        let figures = figures.map(|(column, figure)| (column.in_letters(figure), false));
        table_row(&mut rows, &name, figures);
        let _ = writeln!(
            counts,
            "<p class=\"faint\">{}: {} portraits, {} of them with a double chin before.</p>",
            escaped(&name),
            summary.faces,
            summary.with_double_chin
        );
    }
    table(&rows) + &counts
}

fn face(face: &Face) -> String {
    let mut pictures = picture(&face.before, "before");
    let mut rows = String::new();
    for edit in &face.edits {
        let method = name_of(edit.row.method);
        pictures += &picture(&edit.after, &format!("after, {method}"));
        let figures = COLUMNS
            .iter()
            .map(|column| (column.of(&edit.row), column.is_missed_by(&edit.row)));
        table_row(&mut rows, &method, figures);
    }
    // All methods have the same label map.
    let doubts = face.edits.first().map_or(&[][..], |edit| &edit.row.doubts);
    let doubts: String = doubts
        .iter()
        .map(|doubt| format!("<p class=\"faint\">{}</p>\n", escaped(doubt)))
        .collect();
    format!(
        "<section>\n<h2>{}</h2>\n<div class=\"pictures\">\n{pictures}</div>\n{}{doubts}</section>\n",
        escaped(&face.name),
        table(&rows)
    )
}

fn picture(jpeg: &[u8], caption: &str) -> String {
    let caption = escaped(caption);
    let address = markup::jpeg_address(jpeg);
    format!(
        "<figure><img alt=\"{caption}\" loading=\"lazy\" src=\"{address}\">\
         <figcaption>{caption}</figcaption></figure>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert!(picture(&[1], "\"><script>").contains("&quot;&gt;&lt;script&gt;"));
    }
}

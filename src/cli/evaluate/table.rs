//! The table on the terminal.

use super::columns::COLUMNS;
use super::outcome::name_of;
use super::report::Evaluation;
use crate::cli::Failure;
use crate::cli::answer::print_line;

/// Prints a line for each edit, the worst first, then one for each method: medians, and the share of the
/// double chins that were removed.
pub(super) fn print(evaluation: &Evaluation) -> Result<(), Failure> {
    lines(evaluation)
        .iter()
        .try_for_each(|line| print_line(line))
}

fn lines(evaluation: &Evaluation) -> Vec<String> {
    let titles = ["portrait", "method"].into_iter();
    let titles = titles.chain(COLUMNS.iter().map(|column| column.title));
    let mut rows = vec![titles.map(str::to_owned).collect::<Vec<String>>()];
    rows.extend(evaluation.rows().map(|row| {
        let figures = COLUMNS.iter().map(|column| column.of(row));
        let names = [row.name.clone(), name_of(row.method)];
        names.into_iter().chain(figures).collect()
    }));
    let edits = rows.len();
    rows.extend(evaluation.summaries().into_iter().map(|summary| {
        let figures = COLUMNS.iter().zip(summary.figures);
        let figures = figures.map(|(column, figure)| column.in_letters(figure));
        let what = format!(
            "median of {}, {} with a double chin",
            summary.faces, summary.with_double_chin
        );
        let names = [what, name_of(summary.method)];
        names.into_iter().chain(figures).collect()
    }));
    let mut lines = aligned(&rows);
    let width = lines.first().map_or(0, |line| line.chars().count());
    lines.insert(edits, "─".repeat(width));
    lines
}

/// The first two columns to the left, figures to the right.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column {
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<String>>().join("  ")
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_below_each_other() {
        let rows = [["name", "m", "seam ΔE", "s"], ["ü", "warp", "1.00", "12.0"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            aligned(&rows),
            ["name  m     seam ΔE     s", "ü     warp     1.00  12.0"]
        );
    }
}

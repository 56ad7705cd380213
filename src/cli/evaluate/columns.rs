//! The columns of the table and of the page, and when a figure is not what it should be.

use super::outcome::Row;

/// A figure of a row.
pub(super) struct Column {
    /// Its name in `evaluate.json`.
    pub key: &'static str,
    pub title: &'static str,
    value: fn(&Row) -> Option<f64>,
    unit: Unit,
    /// Is this not what it should be?
    is_missed: fn(f64) -> bool,
}

enum Unit {
    /// With so many decimals.
    Number(usize),
    /// A share, shown in per cent.
    Percent,
    /// 1 for yes and 0 for no; of many, the share of yes.
    Yes,
}

/// In the order in which they are shown.
pub(super) const COLUMNS: [Column; 10] = [
    Column {
        key: "score_before",
        title: "score before",
        value: |row| row.score_before.map(f64::from),
        unit: Unit::Number(2),
        is_missed: |_| false,
    },
    Column {
        key: "score_after",
        title: "score after",
        value: |row| row.score_after.map(f64::from),
        unit: Unit::Number(2),
        is_missed: |_| false,
    },
    Column {
        key: "removed",
        title: "removed",
        value: |row| {
            row.removed
                .map(|is_removed| f64::from(u8::from(is_removed)))
        },
        unit: Unit::Yes,
        is_missed: |removed| removed < 0.5,
    },
    Column {
        key: "changed_outside",
        title: "changed outside",
        value: |row| Some(row.changed_outside),
        unit: Unit::Number(2),
        is_missed: |levels| levels > 0.0,
    },
    Column {
        key: "drawing_changed_outside",
        title: "drawing outside",
        value: |row| row.drawing_changed_outside,
        unit: Unit::Number(2),
        is_missed: |_| false,
    },
    Column {
        key: "texture",
        title: "texture",
        value: |row| row.texture,
        unit: Unit::Number(2),
        is_missed: |ratio| !(0.9..=1.1).contains(&ratio),
    },
    Column {
        key: "seam_delta_e",
        title: "seam ΔE",
        value: |row| row.seam_delta_e,
        unit: Unit::Number(2),
        is_missed: |rise| rise > 1.0,
    },
    Column {
        key: "occluders_kept",
        title: "occluders kept",
        value: |row| row.occluders_kept,
        unit: Unit::Percent,
        is_missed: |share| share < 0.99,
    },
    Column {
        key: "landmark_shift_px",
        title: "landmark shift px",
        value: |row| row.landmark_shift_px,
        unit: Unit::Number(2),
        is_missed: |_| false,
    },
    Column {
        key: "seconds",
        title: "seconds",
        value: |row| Some(row.seconds),
        unit: Unit::Number(1),
        is_missed: |_| false,
    },
];

/// What is shown where there is no figure.
const NONE: &str = "–";

impl Column {
    /// The figure of a row, in letters.
    pub fn of(&self, row: &Row) -> String {
        match ((self.value)(row), &self.unit) {
            (None, _) => NONE.to_owned(),
            (Some(value), Unit::Yes) => (if value > 0.5 { "yes" } else { "no" }).to_owned(),
            (Some(value), _) => self.in_letters(Some(value)),
        }
    }

    /// Is the row's figure not what it should be?
    pub fn is_missed_by(&self, row: &Row) -> bool {
        (self.value)(row).is_some_and(self.is_missed)
    }

    /// The median of the rows that have the figure; of yes and no, the share of yes.
    pub fn of_many(&self, rows: &[&Row]) -> Option<f64> {
        let values = rows.iter().filter_map(|row| (self.value)(row));
        let mut values: Vec<f64> = values.collect();
        match self.unit {
            Unit::Yes => {
                let sum: f64 = values.iter().sum();
                (!values.is_empty()).then(|| sum / values.len() as f64)
            }
            Unit::Number(_) | Unit::Percent => median(&mut values),
        }
    }

    /// A figure of many rows, in letters.
    pub fn in_letters(&self, value: Option<f64>) -> String {
        let Some(value) = value else {
            return NONE.to_owned();
        };
        match self.unit {
            Unit::Number(decimals) => {
                let text = format!("{value:.decimals$}");
                // What is not 0 is not shown as 0.
                let is_hidden = value != 0.0 && text.trim_start_matches('-').parse() == Ok(0.0);
                if is_hidden && value > 0.0 {
                    format!("<{:.decimals$}", 0.1_f64.powi(decimals as i32))
                } else {
                    text
                }
            }
            // Cut, not rounded: 100 % is all of them.
            Unit::Percent => format!("{:.1} %", (value * 1000.0).floor() / 10.0),
            Unit::Yes => format!("{:.0} %", value * 100.0),
        }
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    let is_even = values.len().is_multiple_of(2);
    let lower = values
        .get(middle.saturating_sub(usize::from(is_even)))
        .copied()?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Method;

    fn row(removed: Option<bool>, texture: f64, outside: f64) -> Row {
        Row {
            name: "a".to_owned(),
            method: Method::Warp,
            score_before: Some(0.9),
            score_after: Some(0.1),
            severity_before: None,
            severity_after: None,
            removed,
            changed_outside: outside,
            changed_outside_largest: outside,
            drawing_changed_outside: Some(3.0),
            drawing_changed_outside_largest: Some(9.0),
            texture: Some(texture),
            seam_delta_e: None,
            seam_before: None,
            seam_after: None,
            occluders_kept: Some(0.9999),
            landmark_shift_px: None,
            drawing_landmark_shift_px: None,
            mask_pixels: 1,
            doubts: Vec::new(),
            seconds: 1.0,
            stages: Vec::new(),
        }
    }

    fn column(key: &str) -> &'static Column {
        COLUMNS.iter().find(|column| column.key == key).unwrap()
    }

    #[test]
    fn every_key_is_a_field_of_the_rows() {
        let row = serde_json::to_value(row(None, 1.0, 0.0)).unwrap();
        for column in &COLUMNS {
            assert!(row.get(column.key).is_some(), "{}", column.key);
        }
    }

    #[test]
    fn removed_counts_only_those_who_had_a_double_chin() {
        let rows = [
            row(Some(true), 1.0, 0.0),
            row(Some(false), 1.0, 0.0),
            row(None, 1.0, 0.0),
        ];
        let removed = column("removed");
        assert_eq!(removed.of_many(&rows.each_ref()), Some(0.5));
        assert_eq!(
            rows.each_ref().map(|row| removed.of(row)),
            ["yes", "no", "–"]
        );
        assert_eq!(
            rows.each_ref().map(|row| removed.is_missed_by(row)),
            [false, true, false]
        );
        assert_eq!(removed.of_many(&[]), None);
    }

    #[test]
    fn all_others_are_medians() {
        let textures = [0.5, 1.05, 0.95, 7.0];
        let rows = textures.map(|texture| row(None, texture, 0.0));
        let texture = column("texture");
        assert_eq!(texture.of_many(&rows.each_ref()), Some(1.0));
        assert_eq!(texture.of_many(&[&rows[0], &rows[1], &rows[2]]), Some(0.95));
        assert_eq!(
            rows.each_ref().map(|row| texture.is_missed_by(row)),
            [true, false, false, true]
        );
    }

    #[test]
    fn little_is_not_nothing_and_nearly_all_is_not_all() {
        let row = row(None, 1.0, 0.0001);
        assert_eq!(column("changed_outside").of(&row), "<0.01");
        assert!(column("changed_outside").is_missed_by(&row));
        assert_eq!(column("occluders_kept").of(&row), "99.9 %");
        assert_eq!(column("changed_outside").in_letters(Some(0.0)), "0.00");
        assert_eq!(column("seam_delta_e").in_letters(Some(-0.2)), "-0.20");
    }
}

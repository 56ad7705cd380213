//! The report as a table: a row for each face, and for each photo without one.

use std::path::Path;

use serde_json::Value;

use super::report::Report;
use crate::cli::Failure;
use crate::cli::output::write_text;

const TITLES: [&str; 12] = [
    "photo",
    "out",
    "status",
    "face",
    "method",
    "alpha",
    "double_chin_before",
    "double_chin_after",
    "remarks",
    "warnings",
    "seconds",
    "failed",
];

/// Writes the report as CSV (RFC 4180), whole or not at all.
pub(super) fn write(path: &Path, report: &Report, overwrite: bool) -> Result<(), Failure> {
    write_text(path, &csv(report)?, overwrite)
}

fn csv(report: &Report) -> Result<Vec<u8>, Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(TITLES).map_err(Failure::because)?;
    for photo in &report.photos {
        let faces = photo["faces"].as_array().map_or(&[][..], Vec::as_slice);
        let rows: Vec<_> = match faces {
            [] => vec![row(photo, &Value::Null)],
            faces => faces.iter().map(|face| row(photo, face)).collect(),
        };
        for row in rows {
            table.write_record(row).map_err(Failure::because)?;
        }
    }
    for failed in report.failures() {
        let mut row = TITLES.map(|_| String::new());
        row[0] = path_cell(&failed.photo.to_string_lossy());
        row[2] = "failed".to_owned();
        row[11] = text_cell(&failed.causes.join("; "));
        table.write_record(row).map_err(Failure::because)?;
    }
    table.into_inner().map_err(Failure::because)
}

fn row(photo: &Value, face: &Value) -> [String; 12] {
    let status = match photo["changed"].as_bool() {
        Some(true) => "retouched",
        _ => "unchanged",
    };
    let mut remarks = texts(&face["doubts"]);
    remarks.extend(face["left_alone"].as_str().map(str::to_owned));
    [
        path_cell(photo["photo"].as_str().unwrap_or_default()),
        path_cell(photo["out"].as_str().unwrap_or_default()),
        status.to_owned(),
        number(&face["number"]),
        face["method"].as_str().unwrap_or_default().to_owned(),
        number(&face["alpha"]),
        number(&face["chin"]["before"]["probability"]),
        number(&face["chin"]["after"]["probability"]),
        text_cell(&remarks.join("; ")),
        text_cell(&texts(&photo["warnings"]).join("; ")),
        format!("{:.2}", seconds(photo) + seconds(face)),
        String::new(),
    ]
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let texts = list.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn number(value: &Value) -> String {
    value.as_f64().map_or_else(String::new, |value| {
        // As single precision, which all of them have: 0.1 is not 0.10000000149.
        (value as f32).to_string()
    })
}

/// The sum of the stages.
fn seconds(value: &Value) -> f64 {
    let stages = value["seconds"].as_array().map_or(&[][..], Vec::as_slice);
    stages.iter().filter_map(|stage| stage[1].as_f64()).sum()
}

/// A path that no spreadsheet takes for a formula, and that leads to the same file.
fn path_cell(path: &str) -> String {
    match path.starts_with(FORMULA) {
        true => format!("./{path}"),
        false => path.to_owned(),
    }
}

/// A text that no spreadsheet takes for a formula.
fn text_cell(text: &str) -> String {
    match text.starts_with(FORMULA) {
        true => format!(" {text}"),
        false => text.to_owned(),
    }
}

/// What formulas begin with.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_face_has_a_row_and_no_name_becomes_a_formula() {
        let mut report = Report::new("community");
        report.photos.push(json!({
            "photo": "=1+1.jpg", "out": "out/a, \"b\".jpg", "changed": true,
            "warnings": ["one", "two"],
            "seconds": [["load", 0.5]],
            "faces": [
                { "number": 1, "alpha": -3.75, "method": "warp", "seconds": [["warp", 1.0]],
                  "chin": { "before": { "probability": 0.1f32 }, "after": null }, "doubts": ["hair"] },
                { "number": 2, "alpha": 0.0, "left_alone": "nothing", "seconds": [] },
            ],
        }));
        report.failed(Path::new("b.jpg"), &["=bad".to_owned()]);
        let text = String::from_utf8(csv(&report).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], TITLES.join(","));
        assert_eq!(
            lines[1],
            "./=1+1.jpg,\"out/a, \"\"b\"\".jpg\",retouched,1,warp,-3.75,0.1,,hair,one; two,1.50,"
        );
        assert!(lines[2].contains(",2,,0,,,nothing,"), "{}", lines[2]);
        assert_eq!(lines[3], "b.jpg,,failed,,,,,,,,, =bad");
    }
}

//! What was measured, and what the rows of all portraits come to.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Options;
use super::columns::COLUMNS;
use super::outcome::{Face, Failed, Outcome, Row, name_of};
use super::source::Source;
use crate::cli::answer::JsonPath;
use crate::engine::{EditParams, Method};
use crate::latent::Boundary;
use crate::networks::ChinReading;

/// Everything about a run.
pub(super) struct Evaluation {
    pub settings: Settings,
    pub faces: Vec<Face>,
    pub failed: Vec<Failed>,
    /// Portraits without a double chin, where those were not wanted.
    pub passed_over: Vec<String>,
    /// Whether Ctrl-C ended the run.
    pub interrupted: bool,
    pub seconds: f64,
}

/// What was asked for.
#[derive(Serialize)]
pub(super) struct Settings {
    jawline: &'static str,
    pack: String,
    generator: Option<String>,
    portraits: Value,
    pub methods: Vec<Method>,
    boundary: Value,
    up_to_px: usize,
    /// In per cent; `None` where alpha was given.
    amount: Option<f32>,
    alpha: f32,
    inversion_steps: usize,
    diffusion_steps: usize,
    /// Scores above it are a double chin.
    threshold: f32,
    /// All of it in one line.
    #[serde(skip)]
    pub words: String,
}

/// What the edits of a method come to.
pub(super) struct Summary {
    pub method: Method,
    pub faces: usize,
    pub with_double_chin: usize,
    /// In the order of the columns: the median, of `removed` the share.
    pub figures: Vec<Option<f64>>,
}

impl Settings {
    pub fn new(options: &Options, source: &Source, edit: &EditParams) -> Self {
        let mut methods = Vec::new();
        for &method in &options.method {
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        let (portraits, described) = match (source, &options.photos) {
            (Source::Drawn { seed, count, psi }, _) => (
                json!({ "seed": seed, "count": count, "psi": psi }),
                format!("{count} drawn portraits of seed {seed}, ψ {psi}"),
            ),
            (Source::Photos(photos), folder) => (
                json!({
                    "photos": folder.as_deref().map(JsonPath),
                    "codes": options.codes.as_deref().map(JsonPath),
                    "inversion_seed": options.seed,
                }),
                format!(
                    "{} photos, {} of them with known codes",
                    photos.len(),
                    photos.iter().filter(|photo| photo.code.is_some()).count()
                ),
            ),
        };
        let amount = match options.alpha {
            Some(_) => None,
            None => Some(options.amount.unwrap_or(Boundary::DEFAULT_AMOUNT)),
        };
        let how_much = match (amount, options.amount) {
            (Some(amount), None) => format!("the usual amount, {amount} % (alpha {})", edit.alpha),
            (Some(amount), Some(_)) => format!("amount {amount} % (alpha {})", edit.alpha),
            (None, _) => format!("alpha {}", edit.alpha),
        };
        let names: Vec<String> = methods.iter().copied().map(name_of).collect();
        let words = format!(
            "{described}; {how_much} along {}, layers up to {} px; {}",
            options.boundary.display(),
            edit.up_to_px,
            names.join(", ")
        );
        Self {
            jawline: env!("CARGO_PKG_VERSION"),
            pack: options.engine.pack.clone(),
            generator: options.engine.generator.clone(),
            portraits,
            methods,
            boundary: json!(JsonPath(&options.boundary)),
            up_to_px: edit.up_to_px,
            amount,
            alpha: edit.alpha,
            inversion_steps: options.steps,
            diffusion_steps: options.diffuse_steps,
            threshold: ChinReading::THRESHOLD,
            words,
        }
    }
}

/// How many figures miss what they should be.
fn misses(row: &Row) -> usize {
    let columns = COLUMNS.iter();
    columns.filter(|column| column.is_missed_by(row)).count()
}

/// How many figures of the worst edit miss what they should be, and the highest score after.
fn badness(face: &Face) -> (usize, f32) {
    let edits = || face.edits.iter().map(|edit| &edit.row);
    let score = edits().filter_map(|row| row.score_after);
    (
        edits().map(misses).max().unwrap_or_default(),
        score.fold(0.0, f32::max),
    )
}

impl Evaluation {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            faces: Vec::new(),
            failed: Vec::new(),
            passed_over: Vec::new(),
            interrupted: false,
            seconds: 0.0,
        }
    }

    /// Adds what became of a portrait.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Measured(face, failed) => {
                self.faces.push(face);
                self.failed.extend(failed);
            }
            Outcome::PassedOver(name) => self.passed_over.push(name),
            Outcome::Failed(failed) => self.failed.push(failed),
        }
    }

    /// Brings the worst to the front: who misses most, then who has the highest score after.
    pub fn sort(&mut self) {
        self.faces.sort_by(|a, b| {
            let ((a_misses, a_score), (b_misses, b_score)) = (badness(a), badness(b));
            b_misses.cmp(&a_misses).then(b_score.total_cmp(&a_score))
        });
    }

    /// All rows, in the order of the faces.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let edits = self.faces.iter().flat_map(|face| &face.edits);
        edits.map(|edit| &edit.row)
    }

    /// What each method comes to.
    pub fn summaries(&self) -> Vec<Summary> {
        let methods = self.settings.methods.iter();
        methods
            .map(|&method| {
                let rows: Vec<&Row> = self.rows().filter(|row| row.method == method).collect();
                Summary {
                    method,
                    faces: rows.len(),
                    with_double_chin: rows.iter().filter(|row| row.removed.is_some()).count(),
                    figures: COLUMNS.iter().map(|column| column.of_many(&rows)).collect(),
                }
            })
            .collect()
    }

    /// What `evaluate.json` holds.
    pub fn to_json(&self) -> Value {
        let summaries = self.summaries().into_iter().map(|summary| {
            let figures: Map<String, Value> = COLUMNS
                .iter()
                .zip(summary.figures)
                .map(|(column, figure)| (column.key.to_owned(), json!(figure)))
                .collect();
            json!({
                "method": summary.method,
                "faces": summary.faces,
                "with_double_chin": summary.with_double_chin,
                "figures": figures,
            })
        });
        json!({
            "settings": self.settings,
            "summary": summaries.collect::<Vec<_>>(),
            "rows": self.rows().collect::<Vec<_>>(),
            "failed": self.failed,
            "passed_over": self.passed_over,
            "interrupted": self.interrupted,
            "seconds": self.seconds,
        })
    }
}

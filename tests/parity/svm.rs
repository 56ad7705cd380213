//! Training of boundaries, projection and interpolation against the reference's, with
//! scikit-learn solved once as there and once to a tolerance of 1e-10.

use jawline::latent::interpolate;
use jawline::training::boundary_fit::{fit_layers, normals};
use jawline::training::conditional::condition_boundary;
use jawline::training::{Choice, LinearSvm, ScoredBoundary, Selection};
use ndarray::{Array2, Array3, ArrayD, ArrayView1, Axis, Ix2, Ix3, s};

use crate::harness::{array, largest_difference};
use crate::reference;

fn matrix(name: &str) -> Array2<f32> {
    array(&format!("svm/{name}.npy"))
        .into_dimensionality::<Ix2>()
        .unwrap()
}

fn rows(name: &str) -> Vec<usize> {
    let list = array(&format!("svm/{name}.npy"));
    list.iter().map(|&row| row as usize).collect()
}

fn meta() -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(reference("svm/meta.json")).unwrap()).unwrap()
}

fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let dot = |a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The cases that were trained by score, with what their file names begin with.
const CASES: [&str; 2] = ["case_500x64", "case_2000x512"];

#[test]
fn planes_are_those_of_the_tight_solution() {
    let meta = meta();
    for case in CASES {
        let (latents, scores) = (
            matrix(&format!("{case}_latents")),
            matrix(&format!("{case}_scores")),
        );
        let scores: Vec<f64> = scores.iter().map(|&score| f64::from(score)).collect();
        let selection = Selection::from_rows(
            &scores,
            &rows(&format!("{case}_train_index")),
            &rows(&format!("{case}_val_index")),
        )
        .unwrap();
        let fitted = ScoredBoundary::fit(latents.view(), &selection).unwrap();

        let normal = fitted.svm.normal();
        let theirs = matrix(&format!("{case}_boundary"));
        let tight = matrix(&format!("{case}_boundary_tight_tolerance"));
        assert!(cosine(normal.view(), theirs.row(0)) >= 0.999_99);
        assert!(cosine(normal.view(), tight.row(0)) >= 0.999_999_9);
        let meta = &meta[case];
        let intercept = meta["intercept_tight"].as_f64().unwrap();
        assert!(
            (fitted.svm.intercept - intercept).abs() < 1e-5,
            "{fitted:?}"
        );
        let length = fitted.svm.weights.dot(&fitted.svm.weights).sqrt();
        assert!((length / meta["coef_norm"].as_f64().unwrap() - 1.0).abs() < 1e-3);
        for (ours, list) in [(fitted.validation, "val"), (fitted.remaining, "remaining")] {
            let of_list = |what: &str| meta[format!("{list}_{what}")].as_u64().unwrap() as usize;
            assert_eq!(ours.total, of_list("total"));
            let near = of_list("decision_values_near_zero");
            assert!(
                ours.correct.abs_diff(of_list("correct")) <= near,
                "{case} {list}: {ours:?}"
            );
        }
        let supports = meta["support_vectors"].as_u64().unwrap() as usize;
        assert!(fitted.svm.support_vectors.abs_diff(supports) <= supports / 50);
    }
}

#[test]
fn selection_takes_the_ends_of_the_scores() {
    let meta = meta();
    for case in CASES {
        let scores = matrix(&format!("{case}_scores"));
        let scores: Vec<f64> = scores.iter().map(|&score| f64::from(score)).collect();
        let number = |what: &str| meta[case][what].as_f64().unwrap();
        let choice = Choice {
            ratio: number("chosen_num_or_ratio"),
            split: number("split_ratio"),
            seed: 0,
        };
        let ours = Selection::by_score(&scores, choice).unwrap();
        assert_eq!(ours.train.len(), 2 * number("train_per_class") as usize);
        assert_eq!(ours.validation.len(), 2 * number("val_per_class") as usize);
        assert_eq!(ours.remaining.len(), number("remaining_total") as usize);

        // Equal scores are ordered differently, so the scores are compared and not the rows.
        let sorted = rows(&format!("{case}_sorted_index"));
        let chosen = (ours.train.len() + ours.validation.len()) / 2;
        let scores_of = |is_positive: bool| {
            let both = ours.train.iter().chain(&ours.validation);
            let mut found: Vec<f64> = both
                .filter(|labelled| labelled.is_positive == is_positive)
                .map(|labelled| scores[labelled.row])
                .collect();
            found.sort_by(|a, b| b.total_cmp(a));
            found
        };
        let theirs = |rows: &[usize]| rows.iter().map(|&row| scores[row]).collect::<Vec<_>>();
        assert_eq!(scores_of(true), theirs(&sorted[..chosen]));
        assert_eq!(scores_of(false), theirs(&sorted[sorted.len() - chosen..]));

        let remaining = rows(&format!("{case}_remaining_index"));
        let given = Selection::from_rows(
            &scores,
            &rows(&format!("{case}_train_index")),
            &rows(&format!("{case}_val_index")),
        )
        .unwrap();
        let mut remaining_ours: Vec<usize> = given
            .remaining
            .iter()
            .map(|labelled| labelled.row)
            .collect();
        let mut remaining = remaining;
        remaining.sort_unstable();
        remaining_ours.sort_unstable();
        assert_eq!(remaining_ours, remaining);
    }
}

#[test]
fn every_layer_of_the_fine_boundary_is_the_references() {
    let codes = array("svm/fine_codes.npy")
        .into_dimensionality::<Ix3>()
        .unwrap();
    let labels = array("svm/fine_labels.npy");
    let train = array("svm/fine_train_index_per_layer.npy");
    let intercepts = array("svm/fine_intercept_per_layer.npy");
    let (theirs, tight) = (
        array("svm/fine_boundary.npy"),
        array("svm/fine_boundary_tight_tolerance.npy"),
    );
    for layer in 0..codes.len_of(Axis(1)) {
        let of_layer = codes.index_axis(Axis(1), layer);
        let rows: Vec<usize> = train
            .index_axis(Axis(0), layer)
            .iter()
            .map(|&row| row as usize)
            .collect();
        let classes: Vec<bool> = rows
            .iter()
            .map(|&row| labels.as_slice().unwrap()[row] > 0.5)
            .collect();
        let svm = LinearSvm::fit(of_layer.select(Axis(0), &rows).view(), &classes, 1.0).unwrap();
        let normal = svm.normal();
        let row = |boundary: &ArrayD<f32>| boundary.slice(s![0, layer, ..]).to_owned();
        assert!(cosine(normal.view(), row(&theirs).view()) >= 0.999_99);
        assert!(cosine(normal.view(), row(&tight).view()) >= 0.999_999_9);
        let intercept = f64::from(intercepts.as_slice().unwrap()[layer]);
        assert!(
            (svm.intercept - intercept).abs() < 2e-3,
            "layer {layer}: {svm:?}"
        );
    }
}

#[test]
fn pairs_are_told_apart_like_the_references() {
    // Another split, so another boundary; both still have to lie near each other.
    let codes = array("svm/fine_codes.npy")
        .into_dimensionality::<Ix3>()
        .unwrap();
    let (without, with): (Array3<f32>, Array3<f32>) = (
        codes.slice(s![..;2, .., ..]).to_owned(),
        codes.slice(s![1..;2, .., ..]).to_owned(),
    );
    let layers = fit_layers(with.view(), without.view(), Choice::FINE).unwrap();
    let ours = normals(&layers);
    let theirs = array("svm/fine_boundary.npy");
    assert_eq!(ours.nrows(), 18);
    for (layer, row) in ours.rows().into_iter().enumerate() {
        assert_eq!(layers[layer].train.total, 24);
        assert!(cosine(row, theirs.slice(s![0, layer, ..])) > 0.5);
    }
}

#[test]
fn conditional_boundaries_are_the_references() {
    let project = |primal: &str, conditions: &[&str]| {
        let conditions: Vec<_> = conditions.iter().map(|name| array(name)).collect();
        condition_boundary(&array(primal), &conditions).unwrap()
    };
    let near = |ours: &ArrayD<f32>, theirs: &str| {
        let difference = largest_difference(ours, &array(theirs));
        assert!(difference <= 1e-6, "{theirs}: {difference}");
    };
    let (primal, one, two) = (
        "svm/project_primal.npy",
        "svm/project_cond1.npy",
        "svm/project_cond2.npy",
    );
    near(&project(primal, &[one]), "svm/project_result_1.npy");
    near(&project(primal, &[one, two]), "svm/project_result_2.npy");
    let shipped = |psi: &str, name: &str| {
        format!("images/boundaries/coarse/{psi}/stylegan2_ffhq_{name}/boundary.npy")
    };
    for (psi, condition, result) in [
        ("psi_0.5", "pose_y_w", "double_chin_w_c_poseY"),
        ("psi_0.8", "double_chin_pose", "double_chin_w_c_pose"),
    ] {
        let ours = project(&shipped(psi, "double_chin_w"), &[&shipped(psi, condition)]);
        near(&ours, &shipped(psi, result));
    }
}

#[test]
fn interpolations_are_the_references() {
    let boundary = array("svm/project_primal.npy");
    for (latent, result, steps) in [
        ("svm/interp_latent_w.npy", "svm/interp_result_w.npy", 7),
        ("svm/interp_latent_wp.npy", "svm/interp_result_wp.npy", 4),
    ] {
        let ours = interpolate(&array(latent), &boundary, -3.0..=3.0, steps).unwrap();
        let difference = largest_difference(&ours, &array(result));
        assert!(difference <= 1e-6, "{latent}: {difference}");
    }
}

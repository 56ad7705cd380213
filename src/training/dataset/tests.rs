use std::collections::BTreeMap;

use super::*;

fn generator() -> GeneratorIdentity {
    GeneratorIdentity {
        name: "tiny".to_owned(),
        layer_resolutions: vec![4, 8],
        resolution: 8,
        code_size: 3,
        checksums: BTreeMap::from([("synthesis".to_owned(), "abc".to_owned())]),
    }
}

const SAMPLING: Sampling = Sampling {
    seed: 7,
    psi: 0.5,
    count: 4,
};

#[test]
fn a_dataset_is_found_again_and_may_only_grow() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
    let again = Dataset::open(folder.path()).unwrap();
    assert_eq!(begun.manifest, again.manifest);
    let sampled = |sampling| Dataset::begin(folder.path(), generator(), sampling);
    let more = Sampling {
        count: 9,
        ..SAMPLING
    };
    assert_eq!(sampled(more).unwrap().manifest.sample.count, 9);
    assert_eq!(sampled(SAMPLING).unwrap().manifest.sample.count, 9);
    let other = Sampling {
        psi: 0.8,
        ..SAMPLING
    };
    assert!(matches!(sampled(other), Err(Error::OtherSettings { .. })));
    let mut strange = generator();
    strange.checksums.clear();
    let strange = Dataset::begin(folder.path(), strange, SAMPLING);
    assert!(matches!(strange, Err(Error::OtherSettings { .. })));
}

#[test]
fn what_was_made_in_another_way_has_to_be_deleted_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut dataset = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
    let pairing = |alpha| Pairing {
        ratio: 0.5,
        alpha,
        keep_above_px: 32,
        mix: 0.8,
        boundary: "abc".to_owned(),
        skipped: Vec::new(),
    };
    let diffusing = Diffusing {
        steps: 10,
        learning_rate: 0.01,
        feature_weight: 5e-5,
    };
    let make = |dataset: &Dataset, name: &str| {
        fs::write(dataset.path(name).unwrap(), "").unwrap();
    };
    let refuses = |result: Result<(), Error>, part: &str| {
        let Err(Error::OtherSettings { path, .. }) = result else {
            panic!("{result:?}");
        };
        assert!(path.ends_with(part), "{path:?}");
    };
    let begin_pairs = |dataset: &mut Dataset, alpha| {
        let begun = dataset.begin_pairs(pairing(alpha));
        begun.map(|_| ())
    };

    // As long as there are none, they may be made in any way.
    begin_pairs(&mut dataset, -4.0).unwrap();
    begin_pairs(&mut dataset, -3.0).unwrap();
    make(&dataset, &names::composite(1));
    dataset.manifest.pairs.as_mut().unwrap().skipped.push(2);
    assert_eq!(dataset.begin_pairs(pairing(-3.0)).unwrap().skipped, [2]);
    refuses(begin_pairs(&mut dataset, -4.0), PAIRS);

    dataset.begin_diffusing(diffusing.clone()).unwrap();
    make(&dataset, &names::diffused_code(1));
    dataset.begin_diffusing(diffusing.clone()).unwrap();
    let longer = Diffusing {
        steps: 100,
        ..diffusing.clone()
    };
    refuses(dataset.begin_diffusing(longer), DIFFUSE);

    // Codes of deleted pairs.
    fs::remove_dir_all(folder.path().join(PAIRS)).unwrap();
    begin_pairs(&mut dataset, -4.0).unwrap();
    refuses(dataset.check_diffused(), DIFFUSE);
    refuses(dataset.begin_diffusing(diffusing.clone()), DIFFUSE);
    fs::remove_dir_all(folder.path().join(DIFFUSE)).unwrap();
    dataset.begin_diffusing(diffusing).unwrap();
    dataset.check_diffused().unwrap();
}

#[test]
fn damaged_and_newer_manifests_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Dataset::open(folder.path()).unwrap_err().to_string();
    assert!(open().contains(MANIFEST_FILE));
    let path = folder.path().join(MANIFEST_FILE);
    fs::write(&path, "{").unwrap();
    assert!(open().contains(MANIFEST_FILE));
    fs::remove_file(&path).unwrap();
    Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    assert!(open().contains("newer"));
}

#[test]
fn a_missing_step_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
    let message = dataset.scores().unwrap_err().to_string();
    assert!(message.contains("jawline train score"), "{message}");
}

#[test]
fn positives_are_the_highest_scores() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
    let scores = ndarray::array![[0.1_f32], [0.9], [0.5], [0.7]];
    dataset.write(names::SCORES, &scores).unwrap();
    assert_eq!(dataset.positives(0.5).unwrap(), [1, 3]);
    dataset
        .write(names::SCORES, &ndarray::array![0.1_f32])
        .unwrap();
    assert!(matches!(dataset.positives(0.5), Err(Error::Length { .. })));
}

#[test]
fn pairs_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::begin(folder.path(), generator(), SAMPLING).unwrap();
    for sample in [2, 0] {
        let code = Array3::from_elem((1, 2, 3), sample as f32);
        dataset.write(&names::code(sample), &code).unwrap();
        dataset
            .write(&names::diffused_code(sample), &(code + 10.0))
            .unwrap();
    }
    let [with, without] = dataset.pairs(&[2, 0]).unwrap();
    assert_eq!((with[(0, 1, 1)], with[(1, 0, 0)]), (2.0, 0.0));
    assert_eq!(without[(0, 0, 2)], 12.0);
    let wrong = Array3::<f32>::zeros((1, 5, 3));
    dataset.write(&names::code(2), &wrong).unwrap();
    assert!(dataset.pairs(&[2]).is_err());
}

//! Checkpoints of the original's form, all of the serialisation before PyTorch 1.6.

use std::io::Read;

use jawline::checkpoint::{Tensors, torch};

use crate::reference;

fn unpacked(relative: &str) -> Tensors {
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(reference(relative)).unwrap();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.pth");
    std::fs::write(&path, bytes).unwrap();
    torch::read(&path).unwrap()
}

#[test]
fn face_parser_with_its_integers() {
    let mut tensors = unpacked("bisenet/bisenet_ternary_legacy.pth.gz");
    assert!(
        tensors
            .take("cp.resnet.conv1.weight", &[64, 3, 7, 7])
            .is_ok()
    );
    assert!(
        tensors
            .take("cp.resnet.bn1.num_batches_tracked", &[])
            .is_ok()
    );
}

#[test]
fn classifier_in_a_dictionary_with_a_number() {
    let mut tensors = unpacked("classifier/classification_model_legacy.pth.gz");
    assert!(tensors.take("model.fc.weight", &[2, 2048]).is_ok());
    assert!(
        tensors.take("iteration", &[]).is_err(),
        "a number is no tensor"
    );
}

#[test]
fn linear_layers_of_the_perceptual_distance() {
    let mut tensors = torch::read(&reference("projector/lpips_linear_legacy.pth")).unwrap();
    assert_eq!(tensors.len(), 5);
    assert!(tensors.take("lin4.model.1.weight", &[1, 512, 1, 1]).is_ok());
}

#[test]
fn a_truncated_checkpoint_is_refused() {
    let bytes = std::fs::read(reference("stylegan2/Gs_tiny_legacy.pth")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Gs.pth");
    for part in 1..8 {
        std::fs::write(&path, &bytes[..bytes.len() * part / 8]).unwrap();
        let message = torch::read(&path).unwrap_err().to_string();
        assert!(message.contains("Gs.pth"), "{message}");
    }
}

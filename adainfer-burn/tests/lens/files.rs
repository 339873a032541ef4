//! Lenses as files.

use std::path::Path;

use adainfer_burn::{LensError, LensFileError, LinearLens};
use adainfer_core::ModelSpec;

use super::map;

fn small() -> LinearLens {
    let mut lens = LinearLens::new(&ModelSpec::new(5, 16, 32, "small"), 3, "the prompts");
    lens.set(2, map(3, 3)).unwrap();
    lens.set(4, map(9, 3)).unwrap();
    lens
}

#[test]
fn every_number_comes_back_and_the_same_lens_is_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    small().save(&one).unwrap();
    assert_eq!(LinearLens::load(&one).unwrap(), small());
    small().save(&two).unwrap();
    assert_eq!(std::fs::read(one).unwrap(), std::fs::read(two).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn a_lens_of_half_precision_takes_half_the_room() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, half] = ["whole", "half"].map(|name| folder.path().join(name));
    let mut lens = LinearLens::new(&ModelSpec::new(5, 16, 32, "small"), 64, "the prompts");
    lens.set(3, map(5, 64)).unwrap();
    lens.save(&whole).unwrap();
    lens.to_half().save(&half).unwrap();
    assert_eq!(LinearLens::load(&half).unwrap(), lens.to_half());
    let size = |path| std::fs::metadata(path).unwrap().len();
    assert_eq!(size(&whole) - size(&half), 2 * 64 * 65);
    let (one, other) = (lens.map(3).unwrap(), &lens.to_half());
    let pairs = one.weight.iter().zip(&other.map(3).unwrap().weight);
    assert!(pairs.into_iter().all(|(x, y)| (x - y).abs() < 1e-3) && &lens != other);
}

#[test]
fn a_file_of_version_1_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lens-v1.safetensors");
    assert_eq!(LinearLens::load(path).unwrap(), small());
}

#[test]
fn damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lens");
    small().save(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        LinearLens::load(&path).unwrap_err()
    };
    for length in 0..whole.len() {
        let error = load(&whole[..length]);
        assert!(matches!(error, LensError::File(_)), "{length}: {error}");
    }
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        load(&bytes)
    };
    let error = replaced("\"adainfer_lens\":\"1\"", "\"adainfer_lens\":\"2\"");
    assert!(matches!(error, LensError::File(LensFileError::Version { .. })), "{error}");
    let error = replaced("\"hidden\":\"3\"", "\"hidden\":\"x\"");
    assert!(error.to_string().contains("hidden"), "{error}");
    let error = replaced("\"hidden\":\"3\"", "\"hidden\":\"4\"");
    assert!(error.to_string().contains("layer.2.weight must be [4, 4]"), "{error}");
    let error = replaced("\"layers\":\"5\"", "\"layers\":\"4\"");
    assert!(matches!(error, LensError::Layer { layer: 4, layers: 4 }), "{error}");
    let error = replaced("\"layers\":\"5\"", "\"layers\":\"0\"");
    assert!(matches!(error, LensError::Layer { layer: 2, layers: 0 }), "{error}");
    let error = replaced("layer.2.bias", "layer.3.bias");
    assert!(matches!(error, LensError::File(LensFileError::Field { .. })), "{error}");
    let mut bytes = whole.clone();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    assert!(matches!(load(&bytes), LensError::NotFinite { layer: 4, .. }));
    let missing = LinearLens::load(folder.path().join("nowhere")).unwrap_err();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
}

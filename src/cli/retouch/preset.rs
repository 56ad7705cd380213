//! `--preset`: the settings that the window keeps under a name.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::Failure;
use crate::data_dir::data_dir;
use crate::editor::presets::{Preset, Presets};
use crate::editor::{BoundaryChoice, FaceParams};
use crate::engine::EditParams;
use crate::latent::Boundary;

/// The settings of a preset: one of the window's by its name, in any case, or the only one in a file.
pub(super) fn load(name: &Path) -> Result<FaceParams, Failure> {
    let preset = match name
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        true => in_file(name)?,
        false => by_name(&name.to_string_lossy())?,
    };
    let params = preset.params.portable().within_range();
    if matches!(params.boundary, BoundaryChoice::File(_)) {
        return Err(Failure::because(format!(
            "the preset {} follows a boundary from a file, which is not in it",
            preset.name
        )));
    }
    Ok(params)
}

/// The preset as the engine wants it.
pub(super) fn edit_params(params: &FaceParams) -> Result<EditParams, Failure> {
    let boundary = match params.boundary {
        BoundaryChoice::Coarse => Boundary::coarse()?,
        BoundaryChoice::Fine | BoundaryChoice::File(_) => Boundary::fine()?,
    };
    Ok(EditParams {
        up_to_px: params.up_to_px.unwrap_or(boundary.resolution_px()),
        settings: params.settings.clone(),
        ..EditParams::along(Arc::new(boundary), Boundary::alpha_of_amount(params.amount))
    })
}

fn by_name(name: &str) -> Result<Preset, Failure> {
    let file = data_dir().map(|folder| folder.join(Presets::FILE));
    let own = match file.filter(|file| file.is_file()) {
        Some(file) => read::<Presets>(&file)?,
        None => Presets::default(),
    };
    let all = own.all();
    let found = all.iter().find(|preset| preset.name == name);
    let found = found.or_else(|| {
        let lower = name.to_lowercase();
        all.iter()
            .find(|preset| preset.name.to_lowercase() == lower)
    });
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|preset| preset.name.as_str()).collect();
        Failure::because(format!(
            "there is no preset '{name}'; there are {}",
            names.join(", ")
        ))
    })
}

fn in_file(file: &Path) -> Result<Preset, Failure> {
    if let Ok(preset) = read::<Preset>(file) {
        return Ok(preset);
    }
    let presets: Presets = read(file)?;
    match presets.own() {
        [only] => Ok(only.clone()),
        several => Err(Failure::because(format!(
            "{}: holds {} presets; a file for --preset holds one",
            file.display(),
            several.len()
        ))),
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let bytes = fs::read(file)
        .map_err(|error| Failure::because(format!("{} cannot be read: {error}", file.display())))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::because(format!("{}: is no preset: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_found_by_name_in_any_case_or_in_a_file_of_its_own() {
        let natural = load(Path::new("natural")).unwrap();
        assert_eq!(natural.amount, 75.0);
        let unknown = load(Path::new("no such")).unwrap_err().causes();
        assert!(
            unknown[0].contains("Subtle, Natural, Strong"),
            "{unknown:?}"
        );

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.json");
        fs::write(
            &file,
            r#"{"name": "Mine", "params": {"amount": 300, "method": "plain"}}"#,
        )
        .unwrap();
        let mine = load(&file).unwrap();
        assert_eq!(mine.amount, 100.0, "within its range");
        let edit = edit_params(&mine).unwrap();
        assert_eq!(edit.alpha, -5.0);
        assert_eq!(edit.settings.method, crate::engine::Method::Plain);
        fs::write(&file, r#"{"version": 1, "presets": []}"#).unwrap();
        let refused = load(&file).unwrap_err().causes();
        assert!(refused[0].contains("holds 0 presets"), "{refused:?}");
    }
}

//! Bringing a user's own networks into a pack: recognise, convert, rename into place.

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{ArrayBase, Data, Dimension};
use serde::Serialize;

use super::cancellable::cancellable;
use super::{Progress, wait_for_others};
use crate::checkpoint::npy;
use crate::graph::Graph;
use crate::networks::pack::place::{self, InstallLock, into_place, write};
use crate::networks::pack::{
    COMMUNITY, Entry, GeneratorSpec, MANIFEST_FILE, Manifest, Origin, Pack, Role, packs_folder,
    sha256_hex,
};
use crate::networks::recognise::{self, Facts, Kind, Network};
use crate::networks::{Error, GeneratorNetworks, Whitening};
use crate::runtime::{CancelToken, Runtime};

/// A file that was imported.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// The file.
    pub file: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// What was in it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Imports networks into the pack `name`, which is made or added to: a network takes the place of the
/// pack's network of the same kind. All files are imported or none, and nothing is left of a failure.
///
/// With `expected` every file must hold that kind. `runtime` measures the whitening of a generator's
/// latent space; without it that is measured whenever it is needed.
///
/// # Errors
/// [`Error::PackName`] for the community pack or a name that is no folder's; what
/// [`recognise::read`] says of the first file that cannot be used; [`Error::OtherKind`];
/// [`Error::SameKind`]; what the disk says; [`Error::Cancelled`].
pub fn import(
    files: &[PathBuf],
    expected: Option<Kind>,
    name: &str,
    runtime: Option<&Runtime>,
    progress: Progress<'_>,
    cancel: &CancelToken,
) -> Result<Vec<Imported>, Error> {
    check_name(name)?;
    let lock = wait_for_others(progress, cancel)?;
    let destination = Destination {
        lock: &lock,
        packs: &packs_folder()?,
        name,
    };
    import_into(&destination, files, expected, runtime, progress, cancel)
}

/// Where networks go.
struct Destination<'a> {
    lock: &'a InstallLock,
    packs: &'a Path,
    /// The pack's name.
    name: &'a str,
}

fn import_into(
    destination: &Destination<'_>,
    files: &[PathBuf],
    expected: Option<Kind>,
    runtime: Option<&Runtime>,
    progress: Progress<'_>,
    cancel: &CancelToken,
) -> Result<Vec<Imported>, Error> {
    let Destination { lock, packs, name } = *destination;
    let place = place::current(packs, name);
    let old = match place.join(MANIFEST_FILE).is_file() {
        true => Some(Pack::open_folder(&place)?),
        false => None,
    };
    let mut imported: Vec<Imported> = Vec::new();
    let fill = |folder: &Path| {
        let mut filling = Filling {
            folder,
            entries: Vec::new(),
            generator: None,
        };
        for (index, file) in files.iter().enumerate() {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let shown = file.file_name().unwrap_or_default().to_string_lossy();
            progress(&format!("importing {shown}"), index + 1, files.len());
            let path = file.clone();
            let (sha256, bytes, (network, facts)) = cancellable(cancel, move || {
                let content = recognise::bytes_of(&path)?;
                let (sha256, bytes) = (sha256_hex(&content), content.len() as u64);
                Ok((sha256, bytes, recognise::parse(&path, content)?))
            })?;
            check_kind(file, facts.role, expected, &imported)?;
            check_whole(file, &network)?;
            let origin = Origin::imported(file, &sha256);
            filling.add(network, &facts, &origin, runtime, cancel)?;
            imported.push(Imported {
                file: file.clone(),
                sha256,
                bytes,
                facts,
            });
        }
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if let Some(old) = &old {
            let replaced: Vec<Kind> = imported.iter().map(|file| file.facts.role).collect();
            filling.keep(old, &replaced)?;
        }
        filling.entries.sort_by_key(|entry| entry.role);
        Manifest::new(name, filling.generator, filling.entries).write(&folder.join(MANIFEST_FILE))
    };
    let is_sound = |folder: &Path| Pack::open_folder(folder)?.verify();
    into_place(lock, packs, name, fill, is_sound)?;
    Ok(imported)
}

/// A pack that is being put together.
struct Filling<'a> {
    folder: &'a Path,
    entries: Vec<Entry>,
    generator: Option<GeneratorSpec>,
}

impl Filling<'_> {
    /// Writes the files of a network, which is let go of on the way.
    fn add(
        &mut self,
        network: Network,
        facts: &Facts,
        origin: &Origin,
        runtime: Option<&Runtime>,
        cancel: &CancelToken,
    ) -> Result<(), Error> {
        let mut graph = |role, graph: Graph| -> Result<(), Error> {
            let bytes = graph.to_onnx_bytes()?;
            drop(graph);
            self.file(role, &bytes, &facts.architecture, origin)
        };
        match network {
            Network::Generator(networks) => {
                self.add_generator(*networks, facts, origin, runtime, cancel)
            }
            Network::Parser(parser) => graph(Role::Parser, parser),
            Network::Scorer { stored, per_image } => {
                graph(Role::Scorer, stored)?;
                match per_image {
                    Some(per_image) => graph(Role::ScorerPerImage, per_image),
                    None => Ok(()),
                }
            }
            Network::Perceptual(perceptual) => graph(Role::Perceptual, perceptual.graph()?),
            Network::Landmarks(bytes) => {
                self.file(Role::Landmarks, &bytes, &facts.architecture, origin)
            }
        }
    }

    fn add_generator(
        &mut self,
        networks: GeneratorNetworks,
        facts: &Facts,
        origin: &Origin,
        runtime: Option<&Runtime>,
        cancel: &CancelToken,
    ) -> Result<(), Error> {
        let mapping = networks.mapping.as_ref().ok_or(Error::NoMapping)?;
        let mapping = mapping.to_onnx_bytes()?;
        self.file(Role::Mapping, &mapping, &facts.architecture, origin)?;
        drop(mapping);
        let synthesis = networks.synthesis.to_onnx_bytes()?;
        self.file(Role::Synthesis, &synthesis, &facts.architecture, origin)?;
        drop(synthesis);
        self.array(Role::LatentMean, &networks.mean, origin)?;
        if let Some(runtime) = runtime {
            let whitening = Whitening::sample(runtime, &networks, cancel)?;
            let made_here = Origin::made_here();
            self.array(Role::WhiteningMean, &whitening.mean, &made_here)?;
            self.array(Role::WhiteningBasis, &whitening.basis, &made_here)?;
        }
        self.generator = Some(networks.spec);
        Ok(())
    }

    fn array<S: Data<Elem = f32>, D: Dimension>(
        &mut self,
        role: Role,
        array: &ArrayBase<S, D>,
        origin: &Origin,
    ) -> Result<(), Error> {
        self.file(role, &npy::to_bytes(array), "", origin)
    }

    fn file(
        &mut self,
        role: Role,
        bytes: &[u8],
        architecture: &str,
        origin: &Origin,
    ) -> Result<(), Error> {
        let file = file_name(role).to_owned();
        write(&self.folder.join(&file), bytes)?;
        self.entries.push(Entry {
            role,
            file,
            sha256: sha256_hex(bytes),
            bytes: bytes.len() as u64,
            architecture: architecture.to_owned(),
            origin: origin.clone(),
        });
        Ok(())
    }

    /// Takes over what an earlier import brought, but for networks that were replaced.
    fn keep(&mut self, old: &Pack, replaced: &[Kind]) -> Result<(), Error> {
        for entry in &old.manifest().entries {
            if replaced.contains(&kind_of(entry.role)) {
                continue;
            }
            let from = old.folder().join(&entry.file);
            let to = self.folder.join(&entry.file);
            // A second name for the same bytes costs no disk; not every file system knows that.
            fs::hard_link(&from, &to)
                .or_else(|_| fs::copy(&from, &to).map(|_| ()))
                .map_err(|source| Error::Read { path: from, source })?;
            self.entries.push(entry.clone());
        }
        if !replaced.contains(&Kind::Generator) {
            self.generator = old.manifest().generator.clone();
        }
        Ok(())
    }
}

/// What a file of a pack is part of.
fn kind_of(role: Role) -> Kind {
    match role {
        Role::Mapping
        | Role::Synthesis
        | Role::LatentMean
        | Role::WhiteningMean
        | Role::WhiteningBasis => Kind::Generator,
        Role::Landmarks => Kind::Landmarks,
        Role::Perceptual => Kind::Perceptual,
        Role::Parser => Kind::Parser,
        Role::Scorer | Role::ScorerPerImage => Kind::Scorer,
    }
}

fn file_name(role: Role) -> &'static str {
    match role {
        Role::Mapping => "mapping.onnx",
        Role::Synthesis => "synthesis.onnx",
        Role::LatentMean => "latent_mean.npy",
        Role::WhiteningMean => "whitening_mean.npy",
        Role::WhiteningBasis => "whitening_basis.npy",
        Role::Landmarks => "landmarks.dat",
        Role::Perceptual => "perceptual.onnx",
        Role::Parser => "parser.onnx",
        Role::Scorer => "scorer.onnx",
        Role::ScorerPerImage => "scorer_per_image.onnx",
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let reason = if name == COMMUNITY {
        "the community pack stays as it was installed"
    } else if name.is_empty()
        || name.starts_with('.')
        || name.contains(['/', '\\'])
        || name.contains(char::is_control)
    {
        "use letters, digits and dashes"
    } else {
        return Ok(());
    };
    Err(Error::PackName {
        name: name.to_owned(),
        reason,
    })
}

fn check_kind(
    file: &Path,
    found: Kind,
    expected: Option<Kind>,
    before: &[Imported],
) -> Result<(), Error> {
    if let Some(expected) = expected.filter(|&expected| expected != found) {
        return Err(Error::OtherKind {
            path: file.to_owned(),
            found,
            expected,
        });
    }
    match before.iter().find(|before| before.facts.role == found) {
        Some(before) => Err(Error::SameKind {
            kind: found,
            first: before.file.clone(),
            second: file.to_owned(),
        }),
        None => Ok(()),
    }
}

/// A pack's generator can be asked for new portraits, for which it needs both its networks.
fn check_whole(file: &Path, network: &Network) -> Result<(), Error> {
    match network {
        Network::Generator(networks) if networks.mapping.is_none() => Err(Error::NotAGenerator {
            path: file.to_owned(),
            reason: "it holds a synthesis network without its mapping network; import the \
                     checkpoint that it was made from, or name the file with --generator"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::source::name;

    /// An ONNX file that passes for a scorer; `bias` tells it from another.
    fn scorer(folder: &Path, bias: f32) -> PathBuf {
        let mut graph = Graph::new("scorer");
        let image = graph.input("image", &[1, 3, 256, 256]).unwrap();
        let means = graph.reduce_mean(image, &[2, 3], false).unwrap();
        let two = graph.slice_axis(means, 1, 0, 2).unwrap();
        let bias = graph.scalar(bias);
        let logits = graph.add(two, bias).unwrap();
        graph.output("logits", logits).unwrap();
        saved(folder, "chin.bin", &graph)
    }

    fn synthesis_alone(folder: &Path) -> PathBuf {
        let mut graph = Graph::new("synthesis");
        let codes = graph.input(name::CODES, &[2, 24]).unwrap();
        let image = graph.reshape(codes, &[1, 3, 4, 4]).unwrap();
        graph.output(name::IMAGE, image).unwrap();
        saved(folder, "g.onnx", &graph)
    }

    fn saved(folder: &Path, file: &str, graph: &Graph) -> PathBuf {
        let path = folder.join(file);
        fs::write(&path, graph.to_onnx_bytes().unwrap()).unwrap();
        path
    }

    fn run(
        packs: &Path,
        files: &[PathBuf],
        expected: Option<Kind>,
    ) -> Result<Vec<Imported>, Error> {
        let cancel = CancelToken::new();
        let data_dir = tempfile::tempdir().unwrap();
        let destination = Destination {
            lock: &InstallLock::wait(data_dir.path(), || (), &cancel)?,
            packs,
            name: "own",
        };
        let progress = &mut |_: &str, _, _| ();
        import_into(&destination, files, expected, None, progress, &cancel)
    }

    #[test]
    fn a_network_is_told_by_its_content_and_a_later_one_takes_its_place() {
        let files = tempfile::tempdir().unwrap();
        let packs = tempfile::tempdir().unwrap();
        let imported = run(packs.path(), &[scorer(files.path(), 1.0)], None).unwrap();
        assert_eq!(imported[0].facts.role, Kind::Scorer);
        let pack = Pack::open_folder(&packs.path().join("own")).unwrap();
        let first = pack.read(Role::Scorer).unwrap();
        pack.verify().unwrap();
        let entry = pack.manifest().entry(Role::Scorer).unwrap();
        assert_eq!(entry.origin.archive_sha256, imported[0].sha256);
        assert_eq!(entry.origin.licence, "as its publisher says");

        run(
            packs.path(),
            &[scorer(files.path(), 2.0)],
            Some(Kind::Scorer),
        )
        .unwrap();
        let pack = Pack::open_folder(&packs.path().join("own")).unwrap();
        assert_eq!(pack.manifest().entries.len(), 1);
        assert_ne!(pack.read(Role::Scorer).unwrap(), first);
    }

    #[test]
    fn all_or_nothing() {
        let files = tempfile::tempdir().unwrap();
        let packs = tempfile::tempdir().unwrap();
        let bad = files.path().join("bad.pth");
        fs::write(&bad, b"no network").unwrap();
        let good = scorer(files.path(), 1.0);
        let message = run(packs.path(), &[good.clone(), bad], None).unwrap_err();
        assert!(message.to_string().contains("bad.pth"), "{message}");
        let same = run(packs.path(), &[good.clone(), good.clone()], None).unwrap_err();
        assert!(matches!(same, Error::SameKind { .. }));
        let other = run(packs.path(), &[good], Some(Kind::Parser)).unwrap_err();
        assert!(
            other.to_string().contains("holds a chin classifier"),
            "{other}"
        );
        let alone = run(packs.path(), &[synthesis_alone(files.path())], None).unwrap_err();
        assert!(alone.to_string().contains("mapping network"), "{alone}");
        assert_eq!(fs::read_dir(packs.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", "..", ".hidden", "a/b", "a\\b", COMMUNITY] {
            assert!(
                matches!(check_name(name), Err(Error::PackName { .. })),
                "{name}"
            );
        }
        check_name("stylegan2-ffhq").unwrap();
    }
}

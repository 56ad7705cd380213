use crate::{checkpoint, graph};

/// Why a network could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A weight is missing or has another shape than the network gives it.
    #[error(transparent)]
    Weights(#[from] checkpoint::Error),
    /// The parts of the network do not fit each other.
    #[error("the weights do not fit together ({0}); check that the file holds the right network")]
    Graph(#[from] graph::Error),
    /// A layer of a description asks for something that cannot be converted.
    #[error("the network `{network}` cannot be used: its layer `{layer}` ({kind}) {problem}")]
    Layer {
        /// The network's name in its file.
        network: String,
        /// The layer's name in the file.
        layer: String,
        /// Its operation.
        kind: String,
        /// What cannot be converted.
        problem: String,
    },
    /// The file holds a sound network, but of another kind.
    #[error("this is not {expected}: it {problem}; check that the file holds the right network")]
    OtherNetwork {
        /// The kind of network that was asked for.
        expected: &'static str,
        /// What is different.
        problem: String,
    },
}

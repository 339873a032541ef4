use std::io;

use adainfer_core::TokenId;

/// Why something is no trace, or no file of traces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The file could not be read or written.
    #[error("traces could not be read or written")]
    Io(#[from] io::Error),
    /// The file has no first line that says what it holds.
    #[error("there is no header line")]
    Empty,
    /// A line is no JSON, or has a wrong field.
    #[error("line {line}, field `{field}`")]
    Json {
        /// The line, counted from 1.
        line: usize,
        /// The field's path in it.
        field: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The file is of another version.
    #[error("version {found} of traces; version {known} can be read")]
    Version {
        /// The file's.
        found: u64,
        /// The one that this library reads.
        known: u64,
    },
    /// A line holds what is no trace.
    #[error("line {line}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: Box<TraceError>,
    },
    /// A trace has no probe.
    #[error("prompt {prompt:?}: there is no probe")]
    NoProbe {
        /// The prompt's id.
        prompt: String,
    },
    /// Probes are not in the order of their layers, or of a layer that there is not.
    #[error(
        "prompt {prompt:?}: a probe of layer {layer} follows one of layer {previous}, of {layers} layers"
    )]
    Layer {
        /// The prompt's id.
        prompt: String,
        /// The probe's layer, counted from 1.
        layer: usize,
        /// The layer of the probe before; 0 at the first.
        previous: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// The model stopped early, so that its own answer is not known.
    #[error("prompt {prompt:?}: {run} of {layers} layers were run; traces are recorded at full depth")]
    NotDense {
        /// The prompt's id.
        prompt: String,
        /// Layers run.
        run: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// A probe is NaN or infinite, or its probabilities are none.
    #[error(
        "prompt {prompt:?}: the probe of layer {layer} holds a number that is no probability, or not finite"
    )]
    BadNumber {
        /// The prompt's id.
        prompt: String,
        /// The layer, counted from 1.
        layer: usize,
    },
    /// The answer that is written is not the last probe's.
    #[error("prompt {prompt:?}: the answer is {answer} and the last probe's top token is {top}")]
    Answer {
        /// The prompt's id.
        prompt: String,
        /// What is written.
        answer: TokenId,
        /// What the probe shows.
        top: TokenId,
    },
    /// Traces of two models were put together.
    #[error("traces of {found} do not go with those of {wanted}")]
    OtherSource {
        /// Fingerprint, lens and layers of the new ones.
        found: String,
        /// Those of the others.
        wanted: String,
    },
}

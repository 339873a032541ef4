use std::collections::BTreeSet;
use std::io::{BufRead, Write};

use sha2::{Digest, Sha256};

use super::{TokenTrace, TraceError, TraceReader, TraceSource, TraceWriter};

/// Traces of one model through one lens.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSet {
    source: TraceSource,
    tokens: Vec<TokenTrace>,
}

impl TraceSet {
    /// No traces yet.
    pub fn new(source: TraceSource) -> Self {
        Self { source, tokens: Vec::new() }
    }

    /// Reads all that a [`TraceReader`] gives.
    ///
    /// # Errors
    /// The first that the reader gives.
    pub fn read(input: impl BufRead) -> Result<Self, TraceError> {
        let mut reader = TraceReader::new(input)?;
        let tokens = reader.by_ref().collect::<Result<_, _>>()?;
        Ok(Self { source: reader.source().clone(), tokens })
    }

    /// Writes what [`read`](Self::read) reads.
    ///
    /// # Errors
    /// [`TraceError::Io`].
    pub fn write(&self, out: impl Write) -> Result<(), TraceError> {
        let mut writer = TraceWriter::new(out, &self.source)?;
        self.tokens.iter().try_for_each(|trace| writer.write(trace))?;
        Ok(writer.into_inner().flush()?)
    }

    /// Adds a token.
    ///
    /// # Errors
    /// [`TraceError::OtherSource`] where it has another number of layers.
    pub fn push(&mut self, trace: TokenTrace) -> Result<(), TraceError> {
        if trace.layers() != self.source.layers {
            return Err(TraceError::OtherSource {
                found: format!("{} layers", trace.layers()),
                wanted: format!("{} layers", self.source.layers),
            });
        }
        self.tokens.push(trace);
        Ok(())
    }

    /// What they were recorded from.
    pub fn source(&self) -> &TraceSource {
        &self.source
    }

    /// The traces in the order of recording.
    pub fn tokens(&self) -> &[TokenTrace] {
        &self.tokens
    }

    /// The layers before the last that every trace has a probe of.
    ///
    /// # Errors
    /// The name of the first prompt with a trace that has probes of other layers than the first trace.
    pub fn layers(&self) -> Result<Vec<usize>, String> {
        let early = |trace: &TokenTrace| {
            let (_, early) = trace.probes().split_last().unzip();
            early.unwrap_or(&[]).iter().map(|probe| probe.layer).collect::<Vec<_>>()
        };
        let first = self.tokens.first().map(early).unwrap_or_default();
        match self.tokens.iter().find(|trace| early(trace) != first) {
            Some(other) => Err(other.prompt().to_owned()),
            None => Ok(first),
        }
    }

    /// The same with only the probes of these layers, and the last layer's: what a policy sees that looks there.
    /// Cosines and KL divergences stay those that were recorded.
    pub fn at_layers(mut self, layers: impl IntoIterator<Item = usize>) -> Self {
        let layers: BTreeSet<usize> = layers.into_iter().collect();
        self.tokens.iter_mut().for_each(|trace| trace.keep(&layers));
        self
    }

    /// The prompts' names.
    pub fn prompts(&self) -> BTreeSet<&str> {
        self.tokens.iter().map(TokenTrace::prompt).collect()
    }

    /// Two sets without a common prompt: tokens of one prompt resemble each other, and a policy that was
    /// tested on the neighbours of what it was trained on would look better than it is.
    ///
    /// The first has `share` of the prompts, rounded; which ones depends on the seed and their names alone.
    pub fn split(self, share: f64, seed: u64) -> (Self, Self) {
        let place = |prompt: &str| {
            let mut hash = Sha256::new();
            hash.update(seed.to_le_bytes());
            hash.update(prompt);
            (hash.finalize(), prompt.to_owned())
        };
        let mut places: Vec<_> = self.prompts().into_iter().map(place).collect();
        places.sort_unstable();
        let first = (share.clamp(0.0, 1.0) * places.len() as f64).round() as usize;
        let chosen: BTreeSet<_> = places.into_iter().take(first).map(|(_, prompt)| prompt).collect();
        let (first, second) = self.tokens.into_iter().partition(|trace| chosen.contains(trace.prompt()));
        (Self { source: self.source.clone(), tokens: first }, Self { source: self.source, tokens: second })
    }

    /// SHA-256 of the file that [`write`](Self::write) makes, in hexadecimal: what a certificate is bound to.
    pub fn hash(&self) -> String {
        struct Hashed(Sha256);
        impl Write for Hashed {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut hashed = Hashed(Sha256::new());
        // Nothing that is written to fails.
        let _ = self.write(&mut hashed);
        hashed.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

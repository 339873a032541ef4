use std::io::{BufRead, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lines::{Header, Line, VERSION};
use super::{TokenTrace, TraceError, TraceSource};

/// Writes traces as JSON Lines: a header, then a line a token.
///
/// ```
/// use adainfer_core::testing::ScriptedModel;
/// use adainfer_core::{EarlyExit, Extras, LayeredModel, Recorder, Watch};
/// use adainfer_policies::{TokenTrace, TraceSource, TraceWriter};
///
/// let model = ScriptedModel::with_gaps(&[0.2, 0.9]);
/// let mut file = TraceWriter::new(Vec::new(), &TraceSource::new(model.spec(), "logit"))?;
///
/// let engine = EarlyExit::new(&model, Watch::new(Extras::NONE))?;
/// let mut session = engine.watched(Recorder::default())?;
/// session.feed(&[3, 4])?;
/// for recorded in session.into_observer().tokens() {
///     file.write(&TokenTrace::recorded("the first prompt", None, recorded)?)?;
/// }
/// assert_eq!(file.into_inner().split(|byte| *byte == b'\n').count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TraceWriter<W> {
    out: W,
    layers: usize,
}

impl<W: Write> TraceWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// [`TraceError::Io`].
    pub fn new(out: W, source: &TraceSource) -> Result<Self, TraceError> {
        let mut writer = Self { out, layers: source.layers };
        writer.line(&Header { adainfer_traces: VERSION, source: source.clone() })?;
        Ok(writer)
    }

    /// Goes on after a header, and traces if there are any, that were written before.
    pub fn going_on(out: W, source: &TraceSource) -> Self {
        Self { out, layers: source.layers }
    }

    /// Writes a token. A line goes out in one piece, so that what is interrupted loses a line at most.
    ///
    /// # Errors
    /// [`TraceError::Io`], and [`TraceError::OtherSource`] where the trace has another number of layers.
    pub fn write(&mut self, trace: &TokenTrace) -> Result<(), TraceError> {
        if trace.layers() != self.layers {
            return Err(TraceError::OtherSource {
                found: format!("{} layers", trace.layers()),
                wanted: format!("{} layers", self.layers),
            });
        }
        self.line(&Line::new(trace))
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), TraceError> {
        let mut text = serde_json::to_vec(line).map_err(std::io::Error::from)?;
        text.push(b'\n');
        Ok(self.out.write_all(&text)?)
    }
}

/// Reads traces one after the other; memory holds one line.
#[derive(Debug)]
pub struct TraceReader<R> {
    input: R,
    source: TraceSource,
    line: usize,
    text: Vec<u8>,
}

impl<R: BufRead> TraceReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`TraceError::Empty`], [`TraceError::Version`], [`TraceError::Json`], [`TraceError::Io`].
    pub fn new(mut input: R) -> Result<Self, TraceError> {
        let mut text = Vec::new();
        if input.read_until(b'\n', &mut text)? == 0 {
            return Err(TraceError::Empty);
        }
        let version = parse::<serde_json::Value>(&text, 1)?.get("adainfer_traces").and_then(|v| v.as_u64());
        if let Some(found) = version.filter(|version| *version != VERSION) {
            return Err(TraceError::Version { found, known: VERSION });
        }
        let header: Header = parse(&text, 1)?;
        Ok(Self { input, source: header.source, line: 1, text })
    }

    /// What the traces were recorded from.
    pub fn source(&self) -> &TraceSource {
        &self.source
    }

    fn read(&mut self) -> Result<Option<TokenTrace>, TraceError> {
        self.text.clear();
        if self.input.read_until(b'\n', &mut self.text)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let line: Line = parse(&self.text, self.line)?;
        let wrong = |error| TraceError::Line { line: self.line, source: Box::new(error) };
        line.into_trace(self.source.layers).map(Some).map_err(wrong)
    }
}

impl<R: BufRead> Iterator for TraceReader<R> {
    type Item = Result<TokenTrace, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn parse<T: DeserializeOwned>(text: &[u8], line: usize) -> Result<T, TraceError> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let wrong = |field: String, source| TraceError::Json { line, field, source };
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| wrong(error.path().to_string(), error.into_inner()))?;
    json.end().map_err(|error| wrong(".".to_owned(), error))?;
    Ok(value)
}

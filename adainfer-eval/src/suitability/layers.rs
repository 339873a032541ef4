use adainfer_policies::{TraceSet, optimal_layer, saturation_layer};
use serde::Serialize;

use super::Share;

/// What a lens shows after a layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LayerAgreement {
    /// The layer, counted from 1.
    pub layer: usize,
    /// Share of the tokens that are dense's.
    pub agreement: Share,
    /// Share that is dense's from here on.
    pub settled: f64,
}

impl LayerAgreement {
    /// After each layer that has a probe, in order.
    pub(super) fn all(traces: &TraceSet) -> Vec<Self> {
        let layers = traces.source().layers;
        let (mut seen, mut right, mut settled) = (vec![0; layers], vec![0; layers], vec![0; layers]);
        for trace in traces.tokens() {
            settled[saturation_layer(trace) - 1] += 1;
            for probe in trace.probes() {
                seen[probe.layer - 1] += 1;
                right[probe.layer - 1] += usize::from(probe.top.token == trace.answer());
            }
        }
        let mut before = 0;
        let layer = |i: usize| {
            before += settled[i];
            let (count, share) = (seen[i], right[i] as f64 / seen[i] as f64);
            let settled = before as f64 / traces.tokens().len() as f64;
            (count > 0).then(|| Self { layer: i + 1, agreement: Share::of(share, count), settled })
        };
        (0..layers).filter_map(layer).collect()
    }
}

/// Means of the earliest layer that shows dense's token, and of the earliest that does so for good.
pub(super) fn means(traces: &TraceSet) -> (f64, f64) {
    let mean = |of: fn(&adainfer_policies::TokenTrace) -> usize| {
        traces.tokens().iter().map(|trace| of(trace) as f64).sum::<f64>() / traces.tokens().len() as f64
    };
    (mean(optimal_layer), mean(saturation_layer))
}

use crate::Replay;

/// Floating-point operations of a decoder, by the paper's count (appendix A): a block takes 24 s h^2 + 4 s^2 h for a
/// sequence of s positions and h hidden units, the output head 2 h V a position for a vocabulary of V.
///
/// ```
/// use adainfer_policies::Flops;
///
/// // Llama2-7B with about 100 positions: of 32 layers, 21.57 are run (Table 2 and appendix D).
/// let flops = Flops { hidden: 4096, vocab: 32_000, positions: 100 };
/// assert!((flops.paper_ratio(21.57, 32) - 0.6805).abs() < 1e-4);
/// // A head for the last position after each of those layers costs next to nothing.
/// assert!(flops.ratio(21.57, 21.57, 32) < flops.ratio(21.57, 1.0, 32) + 0.005);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flops {
    /// Hidden units, h.
    pub hidden: usize,
    /// Tokens of the vocabulary, V.
    pub vocab: usize,
    /// Positions of the sequence, s.
    pub positions: usize,
}

impl Flops {
    /// Of one block.
    pub fn block(&self) -> f64 {
        let (s, h) = (self.positions as f64, self.hidden as f64);
        24.0 * s * h * h + 4.0 * s * s * h
    }

    /// Of the head for one position.
    pub fn head(&self) -> f64 {
        2.0 * self.hidden as f64 * self.vocab as f64
    }

    /// What was really computed, as a share of the whole model with one head: so many layers of `layers`, and so
    /// many heads, each for one position.
    pub fn ratio(&self, layers_run: f64, heads: f64, layers: usize) -> f64 {
        (layers_run * self.block() + heads * self.head()) / (layers as f64 * self.block() + self.head())
    }

    /// The paper's ratio, which multiplies one head by the positions on both sides:
    /// (2 L' (6 h + s) + V) / (2 L (6 h + s) + V).
    pub fn paper_ratio(&self, layers_run: f64, layers: usize) -> f64 {
        let (h, s, v) = (self.hidden as f64, self.positions as f64, self.vocab as f64);
        let cost = |layers: f64| 2.0 * layers * (6.0 * h + s) + v;
        cost(layers_run) / cost(layers as f64)
    }
}

impl Replay {
    /// Floating-point operations beside the whole model's, every look counted.
    pub fn flops_ratio(&self, flops: Flops) -> f64 {
        flops.ratio(self.mean_layers, self.mean_heads, self.layers)
    }

    /// The same in the paper's way, which counts the layers alone.
    pub fn paper_flops_ratio(&self, flops: Flops) -> f64 {
        flops.paper_ratio(self.mean_layers, self.layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LLAMA2_7B: Flops = Flops { hidden: 4096, vocab: 32_000, positions: 2048 };
    const LLAMA2_13B: Flops = Flops { hidden: 5120, vocab: 32_000, positions: 2048 };

    #[test]
    fn a_look_after_every_layer_costs_what_the_paper_says() {
        // The paper's total has the head on every position.
        let share = |flops: Flops, layers: f64| {
            let s = flops.positions as f64;
            layers * flops.head() / (layers * flops.block() + s * flops.head())
        };
        assert!((share(LLAMA2_7B, 32.0) - 0.000_288).abs() < 1e-6);
        assert!((share(LLAMA2_13B, 40.0) - 0.000_236).abs() < 1e-6);
    }

    #[test]
    fn few_shot_ratios_are_the_papers_with_one_more_layer() {
        let short = |flops: Flops| Flops { positions: 100, ..flops };
        assert!((short(LLAMA2_7B).paper_ratio(20.57 + 1.0, 32) - 0.6805).abs() < 1e-4);
        assert!((short(LLAMA2_13B).paper_ratio(22.67 + 1.0, 40) - 0.5970).abs() < 1e-4);
        assert_eq!(LLAMA2_7B.paper_ratio(32.0, 32), 1.0);
        assert_eq!(LLAMA2_7B.ratio(32.0, 1.0, 32), 1.0);
    }
}

//! A query answered with every layer and with an early exit, and what many of them show.

use std::fmt;

use adainfer::prelude::*;

/// What one query gave.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// With early exit.
    pub(crate) early: Step,
    /// How many milliseconds that took.
    pub(crate) early_ms: f64,
    /// With every layer.
    pub(crate) dense: Step,
    /// How many milliseconds that took.
    pub(crate) dense_ms: f64,
    /// The first layer from which on the lens shows the dense answer.
    pub(crate) settled: usize,
    /// How many milliseconds it took with a look after every layer.
    pub(crate) watch_ms: f64,
    /// Whether the early answer is the right one.
    pub(crate) right: bool,
}

/// The first layer from which on all probes, one a layer, show the last one's token.
pub(crate) fn settled(probes: &[Probe]) -> usize {
    let last = probes.last().map(|probe| probe.top.token);
    probes.iter().rposition(|probe| Some(probe.top.token) != last).map_or(1, |before| before + 2)
}

/// Sums up outcomes, of which there is at least one.
#[derive(Debug)]
pub(crate) struct Summary<'a>(pub(crate) &'a [Outcome]);

impl Summary<'_> {
    fn sum(&self, of: impl Fn(&Outcome) -> f64) -> f64 {
        self.0.iter().map(of).sum()
    }

    fn count(&self, of: impl Fn(&Outcome) -> bool) -> usize {
        self.0.iter().filter(|outcome| of(outcome)).count()
    }

    /// What a look costs, in layers: looking after every layer is one look a layer, dense a single one.
    fn look(&self) -> f64 {
        let layers = self.0.first().map_or(0.0, |outcome| outcome.dense.layers as f64);
        let dense = self.sum(|outcome| outcome.dense_ms);
        let look = (self.sum(|outcome| outcome.watch_ms) - dense) / (layers - 1.0).max(1.0);
        look * layers / (dense - look)
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let layers = self.0.first().map_or(0, |outcome| outcome.dense.layers);
        let mean = self.sum(|outcome| outcome.early.layers_run as f64) / count as f64;
        let speed_up = self.sum(|outcome| outcome.dense_ms) / self.sum(|outcome| outcome.early_ms);
        let equal = self.count(|outcome| outcome.early.token == outcome.dense.token);
        writeln!(f, "agreement with dense  {equal} of {count}")?;
        writeln!(f, "right answers         {} of {count}", self.count(|outcome| outcome.right))?;
        writeln!(f, "mean layers           {mean:.2} of {layers}")?;
        writeln!(f, "speed-up              {speed_up:.2}\n")?;
        let settled = || self.0.iter().map(|outcome| outcome.settled);
        let (first, last) = (settled().min().unwrap_or(0), settled().max().unwrap_or(0));
        let most = layers as f64 - self.sum(|outcome| outcome.settled as f64) / count as f64;
        let look = self.look();
        writeln!(
            f,
            "Through the raw logit lens this model settles only after layer {first} to {last} of {layers}, so"
        )?;
        writeln!(
            f,
            "an exit that agrees saves {most:.1} layers a review at most; each look costs about {look:.1}."
        )?;
        if speed_up < 1.0 {
            writeln!(
                f,
                "The looks cost more than the layers they saved: the early exit was slower than dense."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use adainfer::core::Candidate;
    use adainfer::core::testing::ScriptedModel;

    use super::*;

    /// Four layers, of which the early exit runs three: in 4 ms against 5, or 8 with a look after every layer.
    fn outcome(settled: usize) -> Outcome {
        let model = ScriptedModel::with_gaps(&[0.1, 0.2, 0.3, 0.4]);
        let run =
            |layer| EarlyExit::new(&model, StaticLayer::new(layer)).unwrap().session().unwrap().feed(&[1]);
        let (early, dense) = (run(3).unwrap(), run(4).unwrap());
        Outcome { early, early_ms: 4.0, dense, dense_ms: 5.0, settled, watch_ms: 8.0, right: settled > 1 }
    }

    #[test]
    fn a_summary_says_what_was_saved_and_what_a_look_costs() {
        // A look is (8 - 5) / 3 = 1 ms, and so is a layer: (5 - 1) / 4.
        let text = Summary(&[outcome(3), outcome(1)]).to_string();
        for part in ["2 of 2", "1 of 2", "3.00 of 4", "1.25", "layer 1 to 3 of 4", "2.0 layers", "about 1.0"]
        {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
        assert!(!text.contains("slower"));
    }

    #[test]
    fn a_slower_early_exit_is_admitted() {
        let slow = Outcome { early_ms: 6.0, ..outcome(3) };
        assert!(Summary(&[slow]).to_string().contains("slower than dense"));
    }

    #[test]
    fn a_lens_has_settled_where_its_token_changes_no_more() {
        let probes = |tokens: &[TokenId]| -> Vec<Probe> {
            let candidate = |token| Candidate { token, prob: 0.5 };
            tokens.iter().map(|&token| Probe::new(candidate(token), candidate(0))).collect()
        };
        assert_eq!(settled(&probes(&[7, 5, 7, 7])), 3);
        assert_eq!(settled(&probes(&[7, 7])), 1);
        assert_eq!(settled(&probes(&[5, 7])), 2);
    }
}

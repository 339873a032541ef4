use std::fmt;

use super::Evaluation;

/// A table for people, in Markdown.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.params.layers as f64;
        let interval = |(low, high): (f64, f64)| format!("[{low:.3}, {high:.3}]");
        let questions = if self.n == 1 { "question" } else { "questions" };
        writeln!(f, "{} {questions}, policy {}, lens {}", self.n, self.params.policy, self.params.lens)?;
        if self.params.skipped > 0 {
            writeln!(
                f,
                "{} prompts were longer than the model's positions, and left out",
                self.params.skipped
            )?;
        }
        writeln!(f)?;
        writeln!(f, "|  | accuracy | 95 % interval | mean layers | variance | heads | FLOPs | ms |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
        writeln!(
            f,
            "| dense | {:.3} | {} | {layers:.2} | 0.00 | 1.00 | 100.0 % | {:.1} |",
            self.dense_accuracy,
            interval(self.dense_accuracy_interval),
            1000.0 * self.wall_dense_s
        )?;
        writeln!(
            f,
            "| early exit | {:.3} | {} | {:.2} | {:.2} | {:.2} | {:.1} % | {:.1} |",
            self.accuracy,
            interval(self.accuracy_interval),
            self.mean_layers,
            self.var_layers,
            self.mean_heads,
            100.0 * self.flops_ratio,
            1000.0 * self.wall_s
        )?;
        writeln!(f)?;
        write!(
            f,
            "agreement {:.3} {}, pruned {:.1} %, speed-up {:.3}; FLOPs in the paper's way {:.1} %",
            self.agreement,
            interval(self.agreement_interval),
            100.0 * self.pruning_ratio,
            self.speedup,
            100.0 * self.paper_flops_ratio
        )?;
        match &self.words {
            Some(words) => write!(f, "\n{words}"),
            None => Ok(()),
        }
    }
}

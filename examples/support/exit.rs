//! Where a run may stop, chosen on the command line.

use adainfer::prelude::*;
use anyhow::{Result, ensure};

/// The arguments that choose an exit policy.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct ExitArgs {
    /// Stop after this layer, whatever it shows
    #[arg(long, value_name = "LAYER", conflicts_with = "gap")]
    exit_layer: Option<usize>,
    /// Stop where the top token's probability leads the second's by more than this, 0 to 1
    #[arg(long, value_name = "LEAD")]
    gap: Option<f32>,
    /// With --gap, the first layer to look after; without it, three before the last, because earlier layers
    /// can be confidently wrong
    #[arg(long, value_name = "LAYER", requires = "gap")]
    look_from: Option<usize>,
}

impl ExitArgs {
    /// The policy asked for, if any, for a model of so many layers.
    ///
    /// # Errors
    ///
    /// If the lead is no probability or the model has no such layer to look after.
    pub(crate) fn policy(self, layers: usize) -> Result<Option<Box<dyn ExitPolicy>>> {
        let from = self.look_from.unwrap_or_else(|| layers.saturating_sub(3).max(1));
        ensure!(
            (1..=layers).contains(&from),
            "--look-from is {from} and the model's layers are 1 to {layers}"
        );
        Ok(match (self.exit_layer, self.gap) {
            (Some(layer), _) => Some(Box::new(StaticLayer::new(layer))),
            (None, Some(lead)) => Some(Box::new(GapThreshold::new(lead)?.starting_at(from))),
            (None, None) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use adainfer::core::testing::ScriptedModel;

    use super::*;

    fn layers_run(args: ExitArgs) -> Result<usize> {
        let model = ScriptedModel::with_gaps(&[0.9, 0.9, 0.2, 0.6, 0.9, 0.9]);
        let policy = args.policy(model.spec().layers)?.unwrap_or_else(|| Box::new(Never));
        Ok(EarlyExit::new(model, policy)?.session()?.feed(&[1])?.layers_run)
    }

    fn args(exit_layer: Option<usize>, gap: Option<f32>, look_from: Option<usize>) -> ExitArgs {
        ExitArgs { exit_layer, gap, look_from }
    }

    #[test]
    fn the_arguments_say_where_a_run_stops() {
        assert_eq!(layers_run(args(None, None, None)).unwrap(), 6);
        assert_eq!(layers_run(args(Some(3), None, None)).unwrap(), 3);
        assert_eq!(layers_run(args(None, Some(0.5), None)).unwrap(), 4);
        assert_eq!(layers_run(args(None, Some(0.5), Some(1))).unwrap(), 1);
    }

    #[test]
    fn a_layer_that_is_not_there_is_refused() {
        for layer in [0, 7] {
            for args in [args(Some(layer), None, None), args(None, Some(0.5), Some(layer))] {
                assert!(layers_run(args).unwrap_err().to_string().contains("are 1 to 6"));
            }
        }
    }

    #[test]
    fn a_lead_that_is_no_probability_is_refused() {
        assert!(layers_run(args(None, Some(1.5), None)).is_err());
        assert!(layers_run(args(None, Some(f32::NAN), None)).is_err());
    }
}

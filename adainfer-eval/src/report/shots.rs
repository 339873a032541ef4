//! Which numbers of demonstrations the tables and pictures are of.

use std::collections::BTreeSet;

use super::{Report, RunEntry};

/// From here on the paper calls prompts few-shot.
const FEW: usize = 5;

impl Report {
    /// The demonstrations of what is shown for one number of them alone: the fewest, but not none, that
    /// policies were trained with. 0 where there was no run.
    pub fn main_shots(&self) -> usize {
        let fewest = |is: fn(&&RunEntry) -> bool| self.runs.iter().filter(is).map(|run| run.shots).min();
        fewest(|run| run.trained > 0 && run.shots > 0)
            .or_else(|| fewest(|run| run.trained > 0))
            .or_else(|| self.runs.first().map(|run| run.shots))
            .unwrap_or(0)
    }

    /// The numbers of demonstrations that few-shot means are over: those from five on, or all but none where no run has
    /// so many.
    pub fn few_shots(&self) -> Vec<usize> {
        let from = |least: usize| -> BTreeSet<usize> {
            self.runs.iter().map(|run| run.shots).filter(|shots| *shots >= least).collect()
        };
        let few = from(FEW);
        (if few.is_empty() { from(1) } else { few }).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn report(runs: &[(usize, usize)]) -> Report {
        let run = |(shots, trained): &(usize, usize)| testing::run("tiny", "sst2", *shots, *trained);
        Report { runs: runs.iter().map(run).collect(), ..testing::empty() }
    }

    #[test]
    fn main_shots_are_the_fewest_that_policies_were_trained_with() {
        assert_eq!(report(&[(0, 9), (1, 0), (10, 9), (5, 9)]).main_shots(), 5);
        assert_eq!(report(&[(3, 0), (0, 9)]).main_shots(), 0);
        assert_eq!(report(&[(3, 0), (2, 0)]).main_shots(), 3);
        assert_eq!(report(&[]).main_shots(), 0);
    }

    #[test]
    fn few_shots_are_those_from_five_on() {
        assert_eq!(report(&[(10, 0), (0, 0), (5, 9), (5, 9), (4, 0)]).few_shots(), [5, 10]);
        assert_eq!(report(&[(3, 0), (0, 0), (1, 0)]).few_shots(), [1, 3]);
        assert!(report(&[(0, 0)]).few_shots().is_empty());
    }
}

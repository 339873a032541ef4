use std::collections::BTreeMap;

use super::Expected;
use crate::FitError;

/// Strides of the schedules that the search may begin at.
const STRIDES: [usize; 4] = [1, 2, 3, 5];

/// A look for the schedule with the least expected time.
pub(super) struct Search<F> {
    trial: F,
    /// The layers that can be looked after, in order.
    layers: Vec<usize>,
    /// What has been tried; `None` where the policy could not be trained.
    tried: BTreeMap<Vec<usize>, Option<Expected>>,
    failure: Option<FitError>,
}

/// A schedule, and what it does.
type Tried = (Vec<usize>, Expected);

impl<F: FnMut(&[usize]) -> Result<Expected, FitError>> Search<F> {
    pub(super) fn new(trial: F, layers: Vec<usize>) -> Self {
        Self { trial, layers, tried: BTreeMap::new(), failure: None }
    }

    /// The best schedule; `None` where there is nothing to look after.
    ///
    /// # Errors
    /// The first failure, where no schedule could be tried.
    pub(super) fn run(mut self) -> Result<Option<Tried>, FitError> {
        let best = self.best(None, self.beginnings());
        let Some(mut best) = best else { return self.failure.map_or(Ok(None), Err) };
        loop {
            let around = self.around(&best.0);
            match self.best(Some(best.clone()), around) {
                Some(better) if better.0 != best.0 => best = better,
                _ => return Ok(Some(best)),
            }
        }
    }

    /// From each layer on, with each stride.
    fn beginnings(&self) -> Vec<Vec<usize>> {
        let from = |start: usize| {
            STRIDES.map(move |stride| self.layers[start..].iter().step_by(stride).copied().collect())
        };
        (0..self.layers.len()).flat_map(from).collect()
    }

    /// With a layer less, another in its place, or one more.
    fn around(&self, schedule: &[usize]) -> Vec<Vec<usize>> {
        let without = |out: usize| schedule.iter().copied().filter(move |layer| *layer != out);
        let absent = || self.layers.iter().copied().filter(|layer| !schedule.contains(layer));
        let with = |layers: &mut dyn Iterator<Item = usize>, layer| {
            let mut layers: Vec<_> = layers.chain([layer]).collect();
            layers.sort_unstable();
            layers
        };
        let mut found = Vec::new();
        for layer in schedule {
            found.push(without(*layer).collect());
            // The nearest on either side: further away is another schedule.
            let near = absent().filter(|other| other.abs_diff(*layer) == 1);
            found.extend(near.map(|other| with(&mut without(*layer), other)));
        }
        found.extend(absent().map(|layer| with(&mut schedule.iter().copied(), layer)));
        found.retain(|schedule: &Vec<usize>| !schedule.is_empty());
        found
    }

    /// The fastest; of equals the one with fewer looks, then the earlier one.
    fn best(&mut self, first: Option<Tried>, others: Vec<Vec<usize>>) -> Option<Tried> {
        let mut best = first;
        for schedule in others {
            let Some(found) = self.look_up(&schedule) else { continue };
            let is_better = best
                .as_ref()
                .is_none_or(|(layers, best)| (found.seconds, schedule.len()) < (best.seconds, layers.len()));
            if is_better {
                best = Some((schedule, found));
            }
        }
        best
    }

    fn look_up(&mut self, schedule: &[usize]) -> Option<Expected> {
        if let Some(found) = self.tried.get(schedule) {
            return found.clone();
        }
        let found = match (self.trial)(schedule) {
            Ok(found) => Some(found),
            Err(error) => {
                self.failure.get_or_insert(error);
                None
            }
        };
        self.tried.insert(schedule.to_vec(), found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look costs 1; without one after each of these layers nothing is saved of 100.
    fn needs(wanted: &'static [usize]) -> impl FnMut(&[usize]) -> Result<Expected, FitError> {
        move |layers| {
            let met = wanted.iter().filter(|layer| layers.contains(layer)).count();
            let seconds = 100.0 - 10.0 * met as f64 + layers.len() as f64;
            Ok(Expected { seconds, layers: 0.0, looks: 0.0, right: 1.0 })
        }
    }

    #[test]
    fn looks_that_pay_are_found_and_no_others() {
        for wanted in [&[3][..], &[2, 3, 7], &[1, 9], &[1, 4, 6, 9]] {
            let (found, _) = Search::new(needs(wanted), (1..10).collect()).run().unwrap().unwrap();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_schedule_that_cannot_be_tried_is_none() {
        let mut good = needs(&[3]);
        let picky = |layers: &[usize]| match layers.len() {
            1 => Err(FitError::NoRows),
            _ => good(layers),
        };
        let (found, _) = Search::new(picky, vec![1, 3, 5]).run().unwrap().unwrap();
        assert_eq!(found.len(), 2);
        assert!(matches!(
            Search::new(|_: &[usize]| Err(FitError::NoRows), vec![1]).run(),
            Err(FitError::NoRows)
        ));
        assert!(Search::new(needs(&[]), vec![]).run().unwrap().is_none());
    }
}

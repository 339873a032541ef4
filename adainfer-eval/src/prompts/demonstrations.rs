use sha2::{Digest, Sha256};

use super::PromptError;
use crate::Item;

/// How often demonstrations are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// Once for all prompts, so that a model needs to run them only once.
    Once,
    /// Anew for every prompt, so that results do not hang on a few of them.
    EachPrompt,
}

/// Which items are shown with their answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demonstrations {
    pub(super) shots: usize,
    pub(super) draw: Draw,
    pub(super) balanced: bool,
    pub(super) longest: usize,
    pub(super) seed: u64,
}

impl Default for Demonstrations {
    fn default() -> Self {
        Self { shots: 5, draw: Draw::EachPrompt, balanced: false, longest: usize::MAX, seed: 0 }
    }
}

/// Where an item comes in a draw.
type Place = [u8; 32];

impl Demonstrations {
    pub(super) fn for_all<'p>(&self, pool: &'p [Item]) -> Result<Vec<&'p Item>, PromptError> {
        self.drawn("", "all prompts", pool.iter())
    }

    pub(super) fn for_one<'p>(&self, item: &Item, pool: &'p [Item]) -> Result<Vec<&'p Item>, PromptError> {
        let is_other =
            |other: &&Item| other.id != item.id && (item.article.is_none() || other.article != item.article);
        self.drawn(&item.id, &format!("prompt {:?}", item.id), pool.iter().filter(is_other))
    }

    /// The first of the pool in an order that hangs on the seed and on who asks, and in that order.
    fn drawn<'p>(
        &self,
        key: &str,
        asker: &str,
        pool: impl Iterator<Item = &'p Item>,
    ) -> Result<Vec<&'p Item>, PromptError> {
        if self.shots == 0 {
            return Ok(Vec::new());
        }
        let fits = |item: &&Item| item.input.chars().nth(self.longest).is_none();
        let mut places: Vec<_> = pool.filter(fits).map(|item| (self.place(key, item), item)).collect();
        places.sort_unstable_by_key(|(place, _)| *place);
        let mut chosen = if self.balanced { self.of_each(&places)? } else { Vec::new() };
        for (place, item) in &places {
            if chosen.len() == self.shots {
                break;
            }
            if !chosen.iter().any(|(_, other): &(Place, &Item)| std::ptr::eq(*other, *item)) {
                chosen.push((*place, item));
            }
        }
        if chosen.len() < self.shots {
            let asker = asker.to_owned();
            return Err(PromptError::TooFew { asker, found: chosen.len(), needed: self.shots });
        }
        chosen.sort_unstable_by_key(|(place, _)| *place);
        Ok(chosen.into_iter().map(|(_, item)| item).collect())
    }

    /// As many of each choice as go into the number of demonstrations.
    fn of_each<'p>(&self, places: &[(Place, &'p Item)]) -> Result<Vec<(Place, &'p Item)>, PromptError> {
        let Some((_, first)) = places.first() else { return Ok(Vec::new()) };
        if first.choices.is_empty() {
            return Err(PromptError::NoChoices { id: first.id.clone() });
        }
        let each = self.shots / first.choices.len();
        let of = |choice: &String| {
            let choice = choice.clone();
            places.iter().filter(move |(_, item)| item.answer() == choice).take(each).copied()
        };
        Ok(first.choices.iter().flat_map(of).collect())
    }

    fn place(&self, key: &str, item: &Item) -> Place {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        // The length keeps keys and names apart.
        hash.update((key.len() as u64).to_le_bytes());
        hash.update(key);
        hash.update(&item.id);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: usize) -> Vec<Item> {
        let item = |i: usize| {
            let label = ["yes", "no"][i % 2].to_owned();
            let item = Item::new(format!("item {i}"), "x".repeat(i), vec![label]);
            Item { article: Some(format!("article {}", i / 10)), ..item }
                .of_choices(vec!["yes".into(), "no".into()])
        };
        (0..count).map(|i| item(i).unwrap()).collect()
    }

    fn names(items: &[&Item]) -> Vec<String> {
        items.iter().map(|item| item.id.clone()).collect()
    }

    #[test]
    fn a_draw_hangs_on_seed_and_names_and_not_on_the_order() {
        let (pool, params) = (pool(40), Demonstrations::default());
        let drawn = names(&params.for_one(&pool[3], &pool).unwrap());
        let turned: Vec<_> = pool.iter().rev().cloned().collect();
        assert_eq!(drawn, names(&params.for_one(&pool[3], &turned).unwrap()));
        assert_ne!(drawn, names(&params.for_one(&pool[4], &pool).unwrap()));
        let other = Demonstrations { seed: 1, ..params };
        assert_ne!(drawn, names(&other.for_one(&pool[3], &pool).unwrap()));
    }

    #[test]
    fn nothing_of_its_own_article_is_shown_and_nothing_too_long() {
        let pool = pool(40);
        let params = Demonstrations { shots: 20, longest: 30, ..Demonstrations::default() };
        let drawn = params.for_one(&pool[3], &pool).unwrap();
        assert_eq!(drawn.len(), 20);
        assert!(drawn.iter().all(|item| item.article != pool[3].article && item.input.len() <= 30));
        let error = Demonstrations { shots: 22, ..params }.for_one(&pool[3], &pool).unwrap_err();
        assert_eq!(error.to_string(), "21 demonstrations for prompt \"item 3\", and 22 are needed");
    }

    #[test]
    fn balanced_demonstrations_have_as_many_of_each_choice() {
        let pool = pool(40);
        let params = Demonstrations { shots: 7, balanced: true, ..Demonstrations::default() };
        for item in &pool {
            let drawn = params.for_one(item, &pool).unwrap();
            let yes = drawn.iter().filter(|item| item.answer() == "yes").count();
            assert!(drawn.len() == 7 && (3..=4).contains(&yes));
        }
        let texts = [Item::new("a", "b", vec!["c".into()])];
        assert!(matches!(params.for_all(&texts), Err(PromptError::NoChoices { .. })));
    }
}

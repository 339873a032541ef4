//! Texts of pictures: how wide they are, and how numbers are listed.

/// A character's width beside the size that plotters is told; SVG has no fonts to ask, so this is a wide one's.
const WIDTH: f64 = 0.5;

/// About how many pixels a text takes.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * WIDTH
}

/// A text that takes at most so many pixels, cut where it is longer.
pub(super) fn fitted(text: &str, size: f64, pixels: f64) -> String {
    if width(text, size) <= pixels {
        return text.to_owned();
    }
    let whole = (pixels / (size * WIDTH)) as usize;
    text.chars().take(whole.saturating_sub(1)).chain(['…']).collect()
}

/// `a, b and c`.
pub(super) fn listed<T: ToString>(words: &[T]) -> String {
    let words: Vec<_> = words.iter().map(T::to_string).collect();
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// `1 demonstration`, `5 and 10 demonstrations`.
pub(super) fn demonstrations(shots: &[usize]) -> String {
    format!("{} demonstration{}", listed(shots), if shots == [1] { "" } else { "s" })
}

/// How many questions were asked of a task: `n = 100 questions a task`, `n = 50 to 100 questions a task`.
pub(super) fn questions(counts: impl Iterator<Item = usize> + Clone) -> String {
    let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
    match least == most {
        true => format!("n = {least} questions a task"),
        false => format!("n = {least} to {most} questions a task"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(fitted("sentiment", 10.0, 45.0), "sentiment");
        assert_eq!(fitted("sentiments", 10.0, 45.0), "sentimen…");
        assert_eq!(fitted("sentiments", 10.0, 0.0), "…");
    }

    #[test]
    fn numbers_are_listed_as_people_say_them() {
        assert_eq!(demonstrations(&[1]), "1 demonstration");
        assert_eq!(demonstrations(&[5, 10, 15]), "5, 10 and 15 demonstrations");
        assert_eq!(questions([50, 20].into_iter()), "n = 20 to 50 questions a task");
        assert_eq!(questions([50, 50].into_iter()), "n = 50 questions a task");
    }
}

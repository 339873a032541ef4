//! Shapes that tell points apart where colours tell something else.

/// The shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A circle, as near as twelve corners come to one.
    Circle,
    /// A square.
    Square,
    /// A triangle that points up.
    Up,
    /// A square on a corner.
    Diamond,
    /// A triangle that points down.
    Down,
    /// A plus.
    Plus,
}

const ALL: [Shape; 6] = [Shape::Circle, Shape::Square, Shape::Up, Shape::Diamond, Shape::Down, Shape::Plus];

impl Shape {
    /// The shape of one among many; from the seventh on they come again.
    pub(super) fn of(place: usize) -> Self {
        ALL.get(place % ALL.len()).copied().unwrap_or(Self::Circle)
    }

    /// Its corners around the point, in pixels.
    pub(super) fn corners(self) -> Vec<(i32, i32)> {
        match self {
            Self::Circle => (0..12).map(on_circle).collect(),
            Self::Square => vec![(-5, -5), (5, -5), (5, 5), (-5, 5)],
            Self::Up => vec![(0, -7), (6, 5), (-6, 5)],
            Self::Diamond => vec![(0, -7), (7, 0), (0, 7), (-7, 0)],
            Self::Down => vec![(0, 7), (6, -5), (-6, -5)],
            Self::Plus => {
                let arm = [(-2, -6), (2, -6), (2, -2), (6, -2), (6, 2), (2, 2)];
                arm.into_iter().chain(arm.map(|(x, y)| (-x, -y))).collect()
            }
        }
    }
}

fn on_circle(hour: i32) -> (i32, i32) {
    let angle = f64::from(hour) * std::f64::consts::TAU / 12.0;
    ((6.0 * angle.cos()).round() as i32, (6.0 * angle.sin()).round() as i32)
}

//! Names colours and counts them. Knows pixels as red, green, blue and opacity; nothing of files or formats.

/// A colour that people have a common word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Black,
    Grey,
    White,
    Red,
    Orange,
    Brown,
    Yellow,
    Green,
    Cyan,
    Blue,
    Purple,
    Pink,
}

impl Colour {
    /// Every colour, in the order in which equal shares are named.
    const ALL: [Self; 12] = [
        Self::Red,
        Self::Orange,
        Self::Yellow,
        Self::Green,
        Self::Cyan,
        Self::Blue,
        Self::Purple,
        Self::Pink,
        Self::Brown,
        Self::White,
        Self::Grey,
        Self::Black,
    ];

    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Black => "black",
            Self::Grey => "grey",
            Self::White => "white",
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Brown => "brown",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Cyan => "cyan",
            Self::Blue => "blue",
            Self::Purple => "purple",
            Self::Pink => "pink",
        }
    }

    /// The name nearest to an opaque pixel.
    pub(crate) fn of([red, green, blue]: [u8; 3]) -> Self {
        let [red, green, blue] = [i32::from(red), i32::from(green), i32::from(blue)];
        let most = red.max(green).max(blue);
        let least = red.min(green).min(blue);
        let chroma = most - least;
        // A dark pixel looks black whatever its hue, and a pale one white or grey: the eye sees hue in the chroma.
        if most < 40 {
            return Self::Black;
        }
        if chroma * 100 < most * 15 || chroma < 18 {
            return match most {
                ..60 => Self::Black,
                60..215 => Self::Grey,
                _ => Self::White,
            };
        }
        Self::of_hue(hue_degrees([red, green, blue], most, chroma), most, chroma)
    }

    /// The name of a pixel that has a hue: dark orange is brown, pale red is pink.
    fn of_hue(hue: i32, most: i32, chroma: i32) -> Self {
        let pale = chroma * 100 < most * 55;
        match hue {
            0..15 | 345..360 if pale && most > 160 => Self::Pink,
            0..15 | 345..360 => Self::Red,
            15..45 if most < 165 => Self::Brown,
            15..45 => Self::Orange,
            45..70 if most < 110 => Self::Brown,
            45..70 => Self::Yellow,
            70..165 => Self::Green,
            165..190 => Self::Cyan,
            190..260 => Self::Blue,
            260..300 => Self::Purple,
            _ if most > 150 => Self::Pink,
            _ => Self::Purple,
        }
    }
}

/// The angle on the colour wheel: 0 is red, 120 green, 240 blue.
fn hue_degrees([red, green, blue]: [i32; 3], most: i32, chroma: i32) -> i32 {
    let sixth = 60;
    let angle = if most == red {
        sixth * (green - blue) / chroma
    } else if most == green {
        sixth * (blue - red) / chroma + 120
    } else {
        sixth * (red - green) / chroma + 240
    };
    angle.rem_euclid(360)
}

/// How many of the counted pixels had which colour.
#[derive(Debug, Default)]
pub(crate) struct Census {
    counts: [u32; 12],
    clear: u32,
}

/// A colour's share of a picture, in whole percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) colour: Colour,
    pub(crate) percent: u8,
}

impl Census {
    /// Counts one pixel; one that is more than half transparent has no colour.
    pub(crate) fn count(&mut self, [red, green, blue, opacity]: [u8; 4]) {
        if opacity < 128 {
            self.clear += 1;
            return;
        }
        let colour = Colour::of([red, green, blue]);
        for (candidate, count) in Colour::ALL.iter().zip(&mut self.counts) {
            if *candidate == colour {
                *count += 1;
            }
        }
    }

    /// The largest shares first, at most `limit`, none below `percent_min` save the very largest.
    pub(crate) fn main(&self, limit: usize, percent_min: u8) -> Vec<Share> {
        let total = self.total();
        let mut shares: Vec<Share> = Colour::ALL
            .iter()
            .zip(self.counts)
            .filter(|(_, count)| *count > 0)
            .map(|(colour, count)| Share { colour: *colour, percent: percent(count, total) })
            .collect();
        shares.sort_by_key(|share| std::cmp::Reverse(share.percent));
        let worth_naming = shares.iter().take(limit).filter(|share| share.percent >= percent_min).count();
        shares.truncate(worth_naming.max(1));
        shares
    }

    /// The share of transparent pixels in percent.
    pub(crate) fn clear_percent(&self) -> u8 {
        percent(self.clear, self.total())
    }

    fn total(&self) -> u32 {
        self.counts.iter().sum::<u32>() + self.clear
    }
}

/// Rounded to the nearest; nothing of nothing is nothing.
fn percent(count: u32, total: u32) -> u8 {
    let rounded = (u64::from(count) * 100 + u64::from(total) / 2).checked_div(u64::from(total));
    rounded.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pixel: [u8; 3], expect: Colour) {
        assert_eq!(Colour::of(pixel), expect, "{pixel:?}");
    }

    #[test]
    fn pure_colours_have_their_own_names() {
        check([0, 0, 0], Colour::Black);
        check([255, 255, 255], Colour::White);
        check([128, 128, 128], Colour::Grey);
        check([255, 0, 0], Colour::Red);
        check([255, 140, 0], Colour::Orange);
        check([255, 255, 0], Colour::Yellow);
        check([0, 200, 0], Colour::Green);
        check([0, 255, 255], Colour::Cyan);
        check([0, 0, 255], Colour::Blue);
        check([128, 0, 200], Colour::Purple);
        check([255, 105, 180], Colour::Pink);
        check([139, 69, 19], Colour::Brown);
    }

    #[test]
    fn colours_of_the_world_are_named_as_people_do() {
        check([135, 206, 235], Colour::Blue); // a sky
        check([30, 60, 160], Colour::Blue); // a sea
        check([34, 90, 30], Colour::Green); // a wood
        check([230, 120, 40], Colour::Orange); // a sunset
        check([255, 182, 193], Colour::Pink); // a blossom
        check([20, 20, 35], Colour::Black); // a night
        check([245, 243, 238], Colour::White); // paper
        check([90, 60, 35], Colour::Brown); // earth
    }

    #[test]
    fn every_pixel_has_a_name_and_every_name_is_counted() {
        let mut census = Census::default();
        let mut pixels = 0;
        for red in (0..=255u8).step_by(15) {
            for green in (0..=255u8).step_by(15) {
                for blue in (0..=255u8).step_by(15) {
                    census.count([red, green, blue, 255]);
                    pixels += 1;
                }
            }
        }
        assert_eq!(census.total(), pixels);
        assert!(census.counts.iter().all(|count| *count > 0), "{census:?}");
    }

    #[test]
    fn shares_come_largest_first_and_small_ones_are_left_out() {
        let mut census = Census::default();
        let mut paint = |pixel, times| (0..times).for_each(|_| census.count(pixel));
        paint([0, 0, 255, 255], 60);
        paint([255, 255, 255, 255], 25);
        paint([255, 0, 0, 255], 3);
        paint([0, 0, 0, 0], 12);
        let blue = Share { colour: Colour::Blue, percent: 60 };
        let white = Share { colour: Colour::White, percent: 25 };
        assert_eq!(census.main(3, 5), [blue, white]);
        assert_eq!(census.main(1, 5), [blue]);
        assert_eq!(census.clear_percent(), 12);
    }

    #[test]
    fn the_largest_share_is_named_however_small() {
        let mut census = Census::default();
        (0..99).for_each(|_| census.count([0, 0, 0, 0]));
        census.count([255, 0, 0, 255]);
        assert_eq!(census.main(3, 5), [Share { colour: Colour::Red, percent: 1 }]);
        assert_eq!(Census::default().main(3, 5), []);
        assert_eq!(Census::default().clear_percent(), 0);
    }
}

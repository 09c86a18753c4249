//! Names colours and counts them. Knows pixels as red, green, blue and opacity; nothing of files or formats.
//!
//! A pixel gets the name of the nearest entry of a small table. Near is meant as the eye sees it: distances are taken in
//! Oklab (Björn Ottosson, 2020), where equal steps look equal. sRGB is undone as IEC 61966-2-1 says.

use std::iter;

/// The names, each with the points in sRGB that stand for it: the common words of English for colours, with "light" and
/// "dark" where people use them. A name that covers much has several points.
const NAMES: [(&str, &[[u8; 3]]); 29] = [
    ("red", &[[230, 20, 20], [200, 30, 30], [240, 70, 60]]),
    ("dark red", &[[130, 10, 15], [95, 10, 20]]),
    ("orange", &[[255, 140, 0], [230, 120, 40], [250, 165, 60]]),
    ("yellow", &[[255, 255, 0], [250, 215, 40], [225, 190, 30]]),
    ("light yellow", &[[255, 250, 170]]),
    ("olive", &[[125, 125, 20], [100, 100, 50]]),
    ("green", &[[0, 200, 0], [40, 160, 60], [0, 255, 0], [90, 150, 60], [0, 135, 70]]),
    ("dark green", &[[15, 80, 25], [35, 85, 30], [10, 50, 25]]),
    ("light green", &[[150, 220, 140], [190, 240, 190]]),
    ("turquoise", &[[60, 205, 190], [30, 170, 170]]),
    ("cyan", &[[0, 255, 255]]),
    ("teal", &[[0, 115, 115], [15, 80, 85]]),
    ("blue", &[[0, 0, 255], [30, 70, 200], [50, 120, 220], [70, 130, 180], [20, 50, 170]]),
    ("light blue", &[[135, 206, 235], [170, 210, 240], [110, 170, 235]]),
    ("dark blue", &[[10, 15, 110], [25, 40, 90], [15, 25, 65]]),
    ("purple", &[[130, 20, 190], [150, 60, 200], [110, 60, 150]]),
    ("dark purple", &[[65, 15, 90]]),
    ("lavender", &[[195, 170, 230]]),
    ("magenta", &[[255, 0, 255], [215, 20, 140]]),
    ("pink", &[[255, 105, 180], [245, 150, 175]]),
    ("light pink", &[[255, 190, 200], [250, 215, 225]]),
    ("brown", &[[139, 69, 19], [120, 75, 45], [160, 110, 70]]),
    ("dark brown", &[[65, 40, 25], [85, 55, 35]]),
    ("beige", &[[230, 210, 175], [205, 180, 145], [240, 228, 205]]),
    ("white", &[[255, 255, 255], [245, 244, 241]]),
    ("light grey", &[[200, 200, 200], [220, 221, 223]]),
    ("grey", &[[128, 128, 128], [160, 160, 160]]),
    ("dark grey", &[[70, 70, 70], [95, 95, 95]]),
    ("black", &[[0, 0, 0], [22, 22, 24], [12, 14, 26], [36, 36, 36]]),
];

/// A colour that people have a common word for: its place among [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(usize);

impl Colour {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        NAMES.get(self.0).map_or("", |(name, _)| name)
    }
}

/// A point of Oklab: lightness, green to red, blue to yellow.
type Point = [f32; 3];

/// Names pixels. Made once for many of them, since the way into Oklab is long.
#[derive(Debug)]
pub(crate) struct Names {
    linear: [f32; 256],
    points: Vec<(Colour, Point)>,
}

impl Names {
    /// Sets up the table.
    pub(crate) fn new() -> Self {
        let mut linear = [0.0; 256];
        for (value, linear) in (0..=u8::MAX).zip(&mut linear) {
            let value = f32::from(value) / 255.0;
            *linear = if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) };
        }
        let of = |(index, (_, pixels)): (usize, &(&str, &'static [[u8; 3]]))| {
            pixels.iter().map(move |pixel| (Colour(index), oklab(&linear, *pixel)))
        };
        Self { linear, points: NAMES.iter().enumerate().flat_map(of).collect() }
    }

    /// The name nearest to an opaque pixel.
    pub(crate) fn of(&self, pixel: [u8; 3]) -> Colour {
        let point = oklab(&self.linear, pixel);
        let distance = |other: &Point| iter::zip(point, other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let nearest = self.points.iter().min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        nearest.map_or(Colour(0), |(colour, _)| *colour)
    }
}

/// The way from sRGB into Oklab, with the matrices of its author.
fn oklab(linear: &[f32; 256], [red, green, blue]: [u8; 3]) -> Point {
    let [red, green, blue] = [red, green, blue].map(|value| linear[usize::from(value)]);
    let long = (0.412_221_46 * red + 0.536_332_55 * green + 0.051_445_995 * blue).cbrt();
    let medium = (0.211_903_5 * red + 0.680_699_5 * green + 0.107_396_96 * blue).cbrt();
    let short = (0.088_302_46 * red + 0.281_718_85 * green + 0.629_978_7 * blue).cbrt();
    [
        0.210_454_26 * long + 0.793_617_8 * medium - 0.004_072_047 * short,
        1.977_998_5 * long - 2.428_592_2 * medium + 0.450_593_7 * short,
        0.025_904_037 * long + 0.782_771_77 * medium - 0.808_675_77 * short,
    ]
}

/// How many of the counted pixels had which colour.
#[derive(Debug)]
pub(crate) struct Census {
    names: Names,
    counts: [u32; NAMES.len()],
    clear: u32,
}

/// A colour's share of a picture, in whole percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) colour: Colour,
    pub(crate) percent: u8,
}

impl Census {
    /// Begins with nothing counted.
    pub(crate) fn new() -> Self {
        Self { names: Names::new(), counts: [0; NAMES.len()], clear: 0 }
    }

    /// Counts one pixel; one that is more than half transparent has no colour.
    pub(crate) fn count(&mut self, [red, green, blue, opacity]: [u8; 4]) {
        if opacity < 128 {
            self.clear += 1;
            return;
        }
        let Colour(index) = self.names.of([red, green, blue]);
        if let Some(count) = self.counts.get_mut(index) {
            *count += 1;
        }
    }

    /// The largest shares first, at most `limit`, none below `percent_min` save the very largest.
    pub(crate) fn main(&self, limit: usize, percent_min: u8) -> Vec<Share> {
        let total = self.total();
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let share = |(index, count): (usize, &u32)| Share { colour: Colour(index), percent: percent(*count, total) };
        let mut shares: Vec<Share> = counts.map(share).collect();
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
pub(crate) fn percent(count: u32, total: u32) -> u8 {
    let rounded = (u64::from(count) * 100 + u64::from(total) / 2).checked_div(u64::from(total));
    rounded.and_then(|percent| u8::try_from(percent).ok()).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The colour of this name, for tests.
    pub(crate) fn named(name: &str) -> Colour {
        Colour(NAMES.iter().position(|(other, _)| *other == name).expect("a name of the table"))
    }

    fn check(pixel: [u8; 3], expect: &str) {
        assert_eq!(Names::new().of(pixel).name(), expect, "{pixel:?}");
    }

    #[test]
    fn pure_colours_have_their_own_names() {
        check([0, 0, 0], "black");
        check([255, 255, 255], "white");
        check([128, 128, 128], "grey");
        check([255, 0, 0], "red");
        check([255, 140, 0], "orange");
        check([255, 255, 0], "yellow");
        check([0, 200, 0], "green");
        check([0, 255, 255], "cyan");
        check([0, 0, 255], "blue");
        check([128, 0, 200], "purple");
        check([255, 105, 180], "pink");
        check([139, 69, 19], "brown");
        check([255, 0, 255], "magenta");
    }

    #[test]
    fn light_and_dark_have_names_of_their_own() {
        check([0, 0, 100], "dark blue");
        check([20, 60, 200], "blue");
        check([173, 216, 230], "light blue");
        check([0, 70, 20], "dark green");
        check([152, 225, 150], "light green");
        check([139, 0, 0], "dark red");
        check([60, 40, 28], "dark brown");
        check([75, 75, 75], "dark grey");
        check([211, 211, 211], "light grey");
        check([245, 222, 179], "beige");
        check([0, 128, 128], "teal");
        check([64, 224, 208], "turquoise");
        check([128, 128, 0], "olive");
        check([255, 182, 193], "light pink");
    }

    #[test]
    fn colours_of_the_world_are_named_as_people_do() {
        check([135, 206, 235], "light blue"); // a sky
        check([30, 60, 160], "blue"); // a sea
        check([34, 90, 30], "dark green"); // a wood
        check([230, 120, 40], "orange"); // a sunset
        check([20, 20, 35], "black"); // a night
        check([245, 243, 238], "white"); // paper
        check([90, 60, 35], "dark brown"); // earth
        check([30, 30, 30], "black"); // a dark theme
    }

    #[test]
    fn every_pixel_has_a_name_and_every_name_is_counted() {
        let mut census = Census::new();
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
        assert!(census.counts.iter().all(|count| *count > 0), "{:?}", census.counts);
    }

    #[test]
    fn shares_come_largest_first_and_small_ones_are_left_out() {
        let mut census = Census::new();
        let mut paint = |pixel, times| (0..times).for_each(|_| census.count(pixel));
        paint([0, 0, 255, 255], 60);
        paint([255, 255, 255, 255], 25);
        paint([255, 0, 0, 255], 3);
        paint([0, 0, 0, 0], 12);
        let blue = Share { colour: named("blue"), percent: 60 };
        let white = Share { colour: named("white"), percent: 25 };
        assert_eq!(census.main(3, 5), [blue, white]);
        assert_eq!(census.main(1, 5), [blue]);
        assert_eq!(census.clear_percent(), 12);
    }

    #[test]
    fn the_largest_share_is_named_however_small() {
        let mut census = Census::new();
        (0..99).for_each(|_| census.count([0, 0, 0, 0]));
        census.count([255, 0, 0, 255]);
        assert_eq!(census.main(3, 5), [Share { colour: named("red"), percent: 1 }]);
        assert_eq!(Census::new().main(3, 5), []);
        assert_eq!(Census::new().clear_percent(), 0);
    }
}

//! Long texts as the messages that a channel takes. Splits, never drops.

/// Splits a text into pieces of at most `chars_max` characters: at the end of a paragraph if one lies in the second
/// half of a piece, else of a line, else of a word, else anywhere between two characters. Joined with the white space
/// at the seams they are the text. A bound of 0 counts as none.
#[must_use]
pub fn split(text: &str, chars_max: usize) -> Vec<String> {
    let mut rest = text.trim();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let Some((end, _)) = rest.char_indices().nth(chars_max).filter(|_| chars_max > 0) else {
            pieces.push(rest.to_owned());
            break;
        };
        let window = &rest[..end];
        let seam = ["\n\n", "\n", " "].iter().find_map(|seam| window.rfind(seam).filter(|at| *at >= end / 2));
        let (piece, behind) = rest.split_at(seam.unwrap_or(end));
        pieces.push(piece.trim_end().to_owned());
        rest = behind.trim_start();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_splits_where_a_reader_would() {
        assert_eq!(split("", 10), Vec::<String>::new());
        assert_eq!(split("short", 10), ["short"]);
        assert_eq!(split("exactly 10", 10), ["exactly 10"]);
        assert_eq!(split("one two three", 8), ["one two", "three"]);
        assert_eq!(split("first line\nsecond", 12), ["first line", "second"]);
        assert_eq!(split("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(split("anything", 0), ["anything"]);
    }

    #[test]
    fn nothing_but_white_space_is_lost_and_no_piece_is_too_long() {
        let text = "Grüße an alle, die dies lesen.\n\nZweiter Absatz mit vielen Wörtern 🦀🦀🦀 und mehr.".repeat(20);
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        for bound in 1..90 {
            let pieces = split(&text, bound);
            assert!(pieces.iter().all(|piece| piece.chars().count() <= bound), "bound {bound}");
            assert_eq!(letters(&pieces.concat()), letters(&text), "bound {bound}");
        }
    }
}

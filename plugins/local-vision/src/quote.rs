//! Makes strangers' text harmless before it is repeated: one line, no control characters, nothing that turns the
//! direction of writing, no quotation mark that would end the quotation, and no more than was asked for.

/// The text in one line of at most `chars_max` characters. An ellipsis stands where something was cut off.
pub(crate) fn harmless(text: &str, chars_max: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    let mut is_apart = false;
    for c in text.chars().filter(|c| !is_trick(*c)) {
        if c.is_whitespace() || c.is_control() {
            is_apart = count > 0 && (is_apart || c.is_whitespace());
            continue;
        }
        let needs = 1 + usize::from(is_apart);
        if count + needs > chars_max {
            line.push('…');
            return line;
        }
        if is_apart {
            line.push(' ');
        }
        line.push(if c == '"' { '\'' } else { c });
        count += needs;
        is_apart = false;
    }
    line
}

/// Characters that are not seen, or that change how others are.
fn is_trick(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, chars_max: usize, expect: &str) {
        assert_eq!(harmless(text, chars_max), expect, "{text:?}");
    }

    #[test]
    fn what_is_harmless_stays() {
        check("https://example.org/?a=1&b=ü", 80, "https://example.org/?a=1&b=ü");
        check("", 80, "");
        check("two words", 80, "two words");
    }

    #[test]
    fn tricks_go() {
        check("BEGIN:VCARD\r\nN:Doe\r\n", 80, "BEGIN:VCARD N:Doe");
        check(" \t\n", 80, "");
        check("a\u{202E}b\u{200B}c\u{E0041}", 80, "abc");
        check("\u{1B}[31mred\0", 80, "[31mred");
        check("end\" of it", 80, "end' of it");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        check("abcde", 5, "abcde");
        check("abcdef", 5, "abcde…");
        check("abcd ef", 5, "abcd…");
        check("äöüäöü", 3, "äöü…");
        check("a", 0, "…");
    }
}

//! Puts readable names where Signal leaves a placeholder for a mention. Counts as Signal does, in UTF-16 units.

use crate::envelope::Mention;
use crate::ids::Person;

/// The text with `@name` in place of each mention. A mention that does not fit the text is passed over.
pub(crate) fn with_names(text: &str, mentions: &[Mention]) -> String {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut mentions: Vec<&Mention> = mentions.iter().collect();
    mentions.sort_by_key(|mention| mention.start);
    let mut named = String::with_capacity(text.len());
    let mut taken = 0;
    for mention in mentions {
        let Some(name) = name_of(mention) else {
            continue;
        };
        let Some(end) = mention.start.checked_add(mention.length) else {
            continue;
        };
        let Some(before) = units.get(taken..mention.start) else {
            continue;
        };
        if end > units.len() || end == mention.start {
            continue;
        }
        named.push_str(&String::from_utf16_lossy(before));
        named.push('@');
        named.push_str(&name);
        taken = end;
    }
    named.push_str(&String::from_utf16_lossy(units.get(taken..).unwrap_or_default()));
    named
}

/// The name of an address book where the daemon has one, else the number, else the account id.
fn name_of(mention: &Mention) -> Option<String> {
    let readable = mention.name.as_deref().filter(|name| !name.trim().is_empty() && Person::parse(name).is_none());
    let text = readable.or(mention.number.as_deref()).or(mention.uuid.as_deref()).or(mention.name.as_deref())?;
    let name: String = text.chars().filter(|c| !c.is_control()).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(name: &str, start: usize, length: usize) -> Mention {
        let name = Some(name.to_owned());
        Mention { name, number: Some("+15550000001".to_owned()), uuid: None, start, length }
    }

    fn check(text: &str, mentions: &[Mention], expect: &str) {
        assert_eq!(with_names(text, mentions), expect);
    }

    #[test]
    fn a_placeholder_becomes_a_name() {
        check("\u{FFFC} hello", &[mention("Ana", 0, 1)], "@Ana hello");
        check("ask \u{FFFC} and \u{FFFC}!", &[mention("Ben", 10, 1), mention("Ana", 4, 1)], "ask @Ana and @Ben!");
    }

    #[test]
    fn a_name_that_is_only_an_id_gives_way_to_the_number() {
        let id = "7ccae375-cd51-4c82-8b1e-7be3280aa485";
        check("\u{FFFC}", &[mention(id, 0, 1)], "@+15550000001");
        let nameless = Mention { name: None, number: None, uuid: Some(id.to_owned()), start: 0, length: 1 };
        check("\u{FFFC}", &[nameless], &format!("@{id}"));
        let nobody = Mention { name: None, number: None, uuid: None, start: 0, length: 1 };
        check("\u{FFFC}", &[nobody], "\u{FFFC}");
    }

    #[test]
    fn positions_are_utf_16_units() {
        check("👩‍💻 \u{FFFC} 🎉", &[mention("Ana", 6, 1)], "👩‍💻 @Ana 🎉");
    }

    #[test]
    fn what_does_not_fit_is_passed_over() {
        check("hi", &[mention("Ana", 2, 1), mention("Ana", usize::MAX, 2), mention("Ana", 0, 0)], "hi");
        check("\u{FFFC}x", &[mention("Ana", 0, 1), mention("Ben", 0, 1)], "@Anax");
    }
}

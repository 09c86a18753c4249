//! What a model's name says about what it takes. The provider removed words from its dialect over time; a word that
//! a model does not know is an error there.

/// The part of a model's name that matters: its generation, `claude-haiku-4-5-20251001` being 4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation {
    major: u32,
    minor: u32,
}

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// It cannot.
    Never,
    /// With a budget of tokens.
    Budget,
    /// By an effort; a budget is refused.
    Adaptive,
}

impl Generation {
    /// Reads a model's name; one that is not understood counts as the last generation that takes everything.
    pub(crate) fn of(model: &str) -> Self {
        let unknown = Self { major: 4, minor: 5 };
        let name = model.rsplit('/').next().unwrap_or(model);
        let Some(rest) = name.strip_prefix("claude-") else {
            return unknown;
        };
        // A date has eight digits, a version one or two.
        let mut numbers = rest
            .split(['-', '.', '@'])
            .skip_while(|word| !is_version(word))
            .take_while(|word| is_version(word))
            .filter_map(|word| word.parse().ok());
        match (numbers.next(), numbers.next()) {
            (Some(major), minor) => Self { major, minor: minor.unwrap_or(0) },
            (None, _) => unknown,
        }
    }

    pub(crate) fn thinking(self) -> Thinking {
        match (self.major, self.minor) {
            (..=2, _) | (3, ..=6) => Thinking::Never,
            (3, _) | (4, ..=5) => Thinking::Budget,
            _ => Thinking::Adaptive,
        }
    }

    /// Whether `temperature` and `top_p` may be sent.
    pub(crate) fn takes_sampling(self) -> bool {
        self < Self { major: 4, minor: 7 }
    }

    /// Whether `temperature` and `top_p` may be sent together.
    pub(crate) fn takes_both_samplings(self) -> bool {
        self < Self { major: 4, minor: 1 }
    }

    /// Whether an answer can be held to a schema; older ones can only be asked.
    pub(crate) fn takes_schema(self) -> bool {
        self >= Self { major: 4, minor: 1 }
    }

    /// Tokens of an answer where nobody names a bound; no more than every model of the generation takes.
    pub(crate) fn default_max_tokens(self) -> u32 {
        if self < (Self { major: 3, minor: 5 }) { 4_096 } else { 8_192 }
    }
}

fn is_version(word: &str) -> bool {
    (1..=2).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read_from_names() {
        let cases = [
            ("claude-haiku-4-5", (4, 5)),
            ("claude-haiku-4-5-20251001", (4, 5)),
            ("claude-sonnet-4-20250514", (4, 0)),
            ("claude-opus-4-1@20250805", (4, 1)),
            ("anthropic/claude-opus-4.7", (4, 7)),
            ("claude-opus-5", (5, 0)),
            ("claude-3-7-sonnet-latest", (3, 7)),
            ("claude-3-opus-20240229", (3, 0)),
            ("claude-2.1", (2, 1)),
            ("claude-next", (4, 5)),
            ("glm-5", (4, 5)),
        ];
        for (name, (major, minor)) in cases {
            assert_eq!(Generation::of(name), Generation { major, minor }, "{name}");
        }
    }

    #[test]
    fn schemas_came_when_two_samplings_went() {
        let says = |name| (Generation::of(name).takes_schema(), Generation::of(name).takes_both_samplings());
        assert_eq!(says("claude-sonnet-4-20250514"), (false, true));
        assert_eq!(says("claude-opus-4-1"), (true, false));
        assert_eq!(says("claude-haiku-4-5-20251001"), (true, false));
        assert_eq!(says("claude-next"), (true, false));
    }

    #[test]
    fn a_model_is_asked_only_for_what_it_takes() {
        let says = |name| {
            let generation = Generation::of(name);
            (generation.thinking(), generation.takes_sampling(), generation.default_max_tokens())
        };
        assert_eq!(says("claude-3-haiku-20240307"), (Thinking::Never, true, 4_096));
        assert_eq!(says("claude-3-5-haiku-20241022"), (Thinking::Never, true, 8_192));
        assert_eq!(says("claude-3-7-sonnet-20250219"), (Thinking::Budget, true, 8_192));
        assert_eq!(says("claude-opus-4-5"), (Thinking::Budget, true, 8_192));
        assert_eq!(says("claude-sonnet-4-6"), (Thinking::Adaptive, true, 8_192));
        assert_eq!(says("claude-opus-4-7"), (Thinking::Adaptive, false, 8_192));
    }
}

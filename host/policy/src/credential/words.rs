//! A derivation in one line: for the log, for errors that the operator reads, for the audit log. It holds no value, and
//! nobody who sent a message is told it.

use super::contenders::word;
use super::{CredentialDerivation, Verdict};

impl CredentialDerivation {
    /// The derivation in one line: what was sent, or why nothing could be, and what became of each other candidate.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = match (self.chosen(), &self.failure) {
            (Some(chosen), _) => {
                let class = chosen.class.map(word);
                let fingerprint = chosen.fingerprint.as_ref().map(|fingerprint| format!("fingerprint {fingerprint}"));
                let source = Some(chosen.source.as_str()).filter(|source| *source != chosen.id);
                let facts: Vec<&str> = [source, class, fingerprint.as_deref()].into_iter().flatten().collect();
                match facts[..] {
                    [] => "no credential was sent".to_owned(),
                    [..] => format!("credential `{}` ({}) was sent", chosen.id, facts.join(", ")),
                }
            }
            (None, Some(failure)) => failure.clone(),
            (None, None) => "the plugin declares no credential".to_owned(),
        };
        let others = self.candidates.iter().filter(|candidate| candidate.verdict == Verdict::PassedOver);
        for (index, other) in others.enumerate() {
            words.push_str(if index == 0 { "; passed over: " } else { ", " });
            words.push_str(&format!("`{}` ({})", other.id, other.reason));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::super::Candidate;
    use super::*;
    use crate::credential::Use;
    use crate::ids::ProviderId;
    use crate::manifest::CredentialClass;

    fn derivation(winner: Option<usize>, failure: Option<&str>) -> CredentialDerivation {
        let candidate = |id: &str, source: &str, verdict, reason: &str| Candidate {
            id: id.to_owned(),
            source: source.to_owned(),
            class: Some(CredentialClass::ApiKey),
            verdict,
            reason: reason.to_owned(),
            fingerprint: Some("1a2b3c4d".to_owned()),
            resting: None,
        };
        let first = if winner.is_some() { Verdict::Chosen } else { Verdict::Failed };
        CredentialDerivation {
            provider: ProviderId::parse("anthropic").expect("an id"),
            use_: Use::Chat,
            profile: None,
            candidates: vec![
                candidate("anthropic:default", "env:KEY", first, "first"),
                candidate("env:KEY", "env:KEY", Verdict::PassedOver, "usable, but late"),
                candidate("env:TOKEN", "env:TOKEN", Verdict::PassedOver, "not set"),
            ],
            winner,
            failure: failure.map(str::to_owned),
            hint: None,
        }
    }

    #[test]
    fn what_was_sent_comes_first_and_then_what_was_not() {
        let others = "; passed over: `env:KEY` (usable, but late), `env:TOKEN` (not set)";
        let sent = "credential `anthropic:default` (env:KEY, api_key, fingerprint 1a2b3c4d) was sent";
        assert_eq!(derivation(Some(0), None).in_words(), format!("{sent}{others}"));
        let sent = "credential `env:KEY` (api_key, fingerprint 1a2b3c4d) was sent";
        assert!(derivation(Some(1), None).in_words().starts_with(sent));
    }

    #[test]
    fn nothing_that_was_sent_is_said_too() {
        let others = "; passed over: `env:KEY` (usable, but late), `env:TOKEN` (not set)";
        assert_eq!(derivation(None, Some("it failed")).in_words(), format!("it failed{others}"));
        let mut bare = derivation(Some(0), None);
        bare.candidates.truncate(1);
        let none = &mut bare.candidates[0];
        (none.id, none.source, none.class, none.fingerprint) = ("none".into(), "none".into(), None, None);
        assert_eq!(bare.in_words(), "no credential was sent");
        bare.candidates.clear();
        bare.winner = None;
        assert_eq!(bare.in_words(), "the plugin declares no credential");
    }
}

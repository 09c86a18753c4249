//! How the token of an agent is written: `creel_<agent>_<secret><checksum>`. Whose token it is, and whether it is one
//! at all, is not known here.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::ids::AgentId;

/// What every token begins with, so that people and secret scanners know it.
const PREFIX: &str = "creel_";
/// Characters of 32 random bytes in base64 without padding.
const SECRET_CHARS: usize = 43;
/// Characters of the checksum, in lower-case hex.
const CHECKSUM_CHARS: usize = 8;
/// Bytes of the longest token: the prefix, the longest agent id, `_`, the secret and the checksum.
const TOKEN_BYTES_MAX: usize = PREFIX.len() + 64 + 1 + SECRET_CHARS + CHECKSUM_CHARS;

/// The token of an agent, wiped when dropped. No Clone, `PartialEq`, Serialize or Display, and Debug shows the agent
/// alone: a mask with a hole is no mask.
///
/// The secret has a fixed length and stands at the end, since an agent id may itself hold `_` and `-`. The checksum is
/// the CRC-32 of all before it: a scanner can tell a token from a text that looks like one, and a token that was cut or
/// mistyped is told from one that is not known.
pub struct AgentToken {
    agent: AgentId,
    text: Zeroizing<String>,
}

/// Why a text is no token of Creel. The text is never shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is something else, e.g. the key of a provider.
    #[error("it is not a token of creel: those begin with `creel_`")]
    Foreign,
    /// It begins like one and does not go on like one.
    #[error("it is not a whole token: expected `creel_<agent>_` and 51 characters")]
    Malformed,
    /// One of its characters is not what it was.
    #[error("its checksum does not fit: it was cut, or mistyped")]
    Checksum,
}

impl AgentToken {
    /// Makes a token of random bytes.
    #[must_use]
    pub fn from_random(agent: &AgentId, secret: &[u8; 32]) -> Self {
        // Whole from the start: a string that grew would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_BYTES_MAX));
        text.push_str(PREFIX);
        text.push_str(agent.as_str());
        text.push('_');
        let mut encoded = Zeroizing::new([0; SECRET_CHARS]);
        // It fits exactly, and base64 is ASCII.
        if URL_SAFE_NO_PAD.encode_slice(secret, encoded.as_mut_slice()).is_ok() {
            text.extend(encoded.iter().map(|byte| char::from(*byte)));
        }
        let sum = checksum(&text);
        text.push_str(&sum);
        Self { agent: agent.clone(), text }
    }

    /// Parses a token that came from outside.
    ///
    /// # Errors
    ///
    /// [`BadToken`], which never shows the text.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        let rest = text.strip_prefix(PREFIX).ok_or(BadToken::Foreign)?;
        if text.len() > TOKEN_BYTES_MAX || !rest.is_ascii() {
            return Err(BadToken::Malformed);
        }
        let split = |text: &'_ str, from_end: usize| text.len().checked_sub(from_end);
        let at = split(rest, SECRET_CHARS + CHECKSUM_CHARS).ok_or(BadToken::Malformed)?;
        let agent = rest[..at].strip_suffix('_').ok_or(BadToken::Malformed)?;
        let agent = AgentId::parse(agent).map_err(|_| BadToken::Malformed)?;
        let (secret, sum) = rest[at..].split_at(SECRET_CHARS);
        let mut bytes = Zeroizing::new([0; 32]);
        let decoded = URL_SAFE_NO_PAD.decode_slice(secret, bytes.as_mut_slice());
        if decoded.ok() != Some(bytes.len()) {
            return Err(BadToken::Malformed);
        }
        if checksum(&text[..text.len() - CHECKSUM_CHARS]) != sum {
            return Err(BadToken::Checksum);
        }
        Ok(Self { agent, text: Zeroizing::new(text.to_owned()) })
    }

    /// The agent that it says it is of. Only whoever knows the token's hash can tell whether that is so.
    #[must_use]
    pub fn agent(&self) -> &AgentId {
        &self.agent
    }

    /// The whole token: to be hashed, or shown once to whoever asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for AgentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentToken({PREFIX}{}_…)", self.agent)
    }
}

/// The CRC-32 of ISO 3309, as zip and PNG have it, in hex. It keeps nobody out and need not.
fn checksum(text: &str) -> String {
    let step = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xedb8_8320 })
    };
    format!("{:08x}", !text.bytes().fold(!0, step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn agent(id: &str) -> AgentId {
        AgentId::parse(id).unwrap()
    }

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(checksum("123456789"), "cbf43926");
    }

    #[test]
    fn a_token_reads_back_and_says_whose_it_is() {
        for id in ["main", "a", "a_b-c", "a_", "0__-", &"x".repeat(64)] {
            let token = AgentToken::from_random(&agent(id), &[0xff; 32]);
            assert_eq!(token.expose().len(), "creel__".len() + id.len() + 51);
            let read = AgentToken::parse(token.expose()).unwrap();
            assert_eq!((read.agent().as_str(), read.expose()), (id, token.expose()));
        }
    }

    #[test]
    fn near_misses_are_refused() {
        let token = AgentToken::from_random(&agent("main"), &[7; 32]);
        let whole = token.expose();
        let malformed = "it is not a whole token: expected `creel_<agent>_` and 51 characters";
        let foreign = "it is not a token of creel: those begin with `creel_`";
        let checksum = "its checksum does not fit: it was cut, or mistyped";
        let check = |text: &str, expect: &str| {
            assert_eq!(AgentToken::parse(text).map_err(|bad| bad.to_string()).unwrap_err(), expect, "{text}");
        };
        check("", foreign);
        check("sk-ant-0123456789", foreign);
        check(&format!(" {whole}"), foreign);
        check(&whole.to_uppercase(), foreign);
        check("creel_", malformed);
        check("creel_main_", malformed);
        check(&whole[..whole.len() - 1], malformed);
        check(&format!("{whole}0"), malformed);
        check(&format!("{whole}\n"), malformed);
        check(&whole.replacen("main", "Main", 1), malformed);
        check(&whole.replacen("main", "", 1), malformed);
        check(&whole.replacen("main", &"m".repeat(65), 1), malformed);
        check(&whole.replacen("main", "mäin", 1), malformed);
        check(&whole.replacen("main", "mein", 1), checksum);
        check(&whole.replacen("Bw", "Cw", 1), checksum);
        // Two spellings of the same bytes would be two tokens.
        let last = whole.len() - 9;
        check(&format!("{}d{}", &whole[..last], &whole[last + 1..]), malformed);
    }

    #[test]
    fn the_secret_is_not_shown() {
        let token = AgentToken::from_random(&agent("main"), &[7; 32]);
        assert_eq!(format!("{token:?}"), "AgentToken(creel_main_…)");
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(creel_)?\\PC{0,130}") {
            drop(AgentToken::parse(&text));
        }

        #[test]
        fn what_is_made_reads_back(id in "[a-z0-9][a-z0-9_-]{0,63}", secret in any::<[u8; 32]>()) {
            let token = AgentToken::from_random(&agent(&id), &secret);
            let read = AgentToken::parse(token.expose()).unwrap();
            prop_assert_eq!(read.agent().as_str(), id);
        }

        #[test]
        fn one_changed_character_is_found(secret in any::<[u8; 32]>(), at in 6_usize..62, to in "[a-zA-Z0-9_-]") {
            let token = AgentToken::from_random(&agent("main"), &secret);
            let mut text = token.expose().to_owned();
            let at = at.min(text.len() - 1);
            prop_assume!(text[at..=at] != to);
            text.replace_range(at..=at, &to);
            prop_assert!(AgentToken::parse(&text).is_err());
        }
    }
}

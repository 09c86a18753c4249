//! The forms in which a secret goes onto a request: percent-encoded, as a step of a path, as user and password, in
//! parts. Each gives the value away only as what is sent.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::secret::Secret;
use super::spellings::percent_encoded;

/// Why a secret does not fit the place that it should go to. No part of it is shown, and what is said depends on its
/// form alone (attack 87).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// `/`, `?`, `#`, `%` and the like, or dots alone: the path would be another one (attack 71).
    #[error("it holds a character that no step of a path can carry, e.g. `/`")]
    PathStep,
    /// No user, or no password.
    #[error("it is not of the form `user:password`")]
    UserPassword,
    /// Not `ID:SECRET`, nor the same as JSON.
    #[error("it is neither of the form `ID:SECRET` nor JSON with `accessKeyId` and `secretAccessKey`")]
    Parts,
    /// A session token where there can be none.
    #[error("it holds a session token, which this kind of key has not")]
    Token,
    /// A user with `:` in it, or a name of a key that no header can carry.
    #[error("its first part holds a character that it cannot have, e.g. `:`")]
    Name,
    /// Not hex or base64, as the plugin's manifest says it is.
    #[error("it is not written as the plugin's manifest says, in hex or base64")]
    KeyText,
}

/// A credential in its parts.
pub struct Parts {
    /// Names the key; sent in the clear.
    pub id: Zeroizing<String>,
    /// What signs.
    pub secret: Secret,
    /// A session token, where the credential is temporary.
    pub token: Option<Secret>,
}

/// The parts as JSON, in the words of AWS's tools. More keys may stand beside them, e.g. an expiry.
#[derive(serde::Deserialize)]
struct Written<'t> {
    #[serde(borrow, alias = "AccessKeyId", alias = "id")]
    #[serde(rename = "accessKeyId")]
    id: Cow<'t, str>,
    #[serde(borrow, alias = "SecretAccessKey", alias = "secret")]
    #[serde(rename = "secretAccessKey")]
    secret: Cow<'t, str>,
    #[serde(borrow, default, alias = "SessionToken", alias = "token")]
    #[serde(rename = "sessionToken")]
    token: Option<Cow<'t, str>>,
}

impl Secret {
    /// The SHA-256 of the value: to compare what somebody presents with it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        use sha2::Digest as _;
        sha2::Sha256::digest(self.expose().as_bytes()).into()
    }

    /// The value as that of a parameter of a query.
    #[must_use]
    pub fn to_parameter(&self) -> Zeroizing<String> {
        percent_encoded(self.expose().as_bytes())
    }

    /// The value as a part of one step of a path, letter by letter as it is.
    ///
    /// # Errors
    ///
    /// [`Unfit::PathStep`] where it would not stay within the step, or would have to be encoded, which servers read in
    /// different ways.
    pub fn to_path_step(&self) -> Result<Zeroizing<String>, Unfit> {
        let value = self.expose();
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,=".contains(&b);
        if !value.bytes().all(is_plain) || value.bytes().all(|b| b == b'.') {
            return Err(Unfit::PathStep);
        }
        Ok(Zeroizing::new(value.to_owned()))
    }

    /// `user:password` in base64 (RFC 7617); `user` where the secret is the password alone.
    ///
    /// # Errors
    ///
    /// [`Unfit`] where there is no user or no password, or the user holds a `:`.
    pub fn to_basic(&self, user: Option<&str>) -> Result<Self, Unfit> {
        let value = self.expose();
        let plain = match user {
            Some(user) if user.contains(':') => return Err(Unfit::Name),
            Some(user) => {
                let mut plain = Zeroizing::new(String::with_capacity(user.len() + 1 + value.len()));
                plain.extend([user, ":", value]);
                plain
            }
            None => {
                let (user, password) = value.split_once(':').ok_or(Unfit::UserPassword)?;
                if user.is_empty() || password.is_empty() {
                    return Err(Unfit::UserPassword);
                }
                Zeroizing::new(value.to_owned())
            }
        };
        Ok(Self::of(SecretString::from(STANDARD.encode(plain.as_bytes()))))
    }

    /// The password of `user:password`.
    ///
    /// # Errors
    ///
    /// [`Unfit::UserPassword`] where it is none.
    pub fn password(&self) -> Result<Self, Unfit> {
        let (_, password) = self.expose().split_once(':').ok_or(Unfit::UserPassword)?;
        Self::parse(password).map_err(|_| Unfit::UserPassword)
    }

    /// The parts of `ID:SECRET`, or of the same as JSON; with a token also `ID:SECRET:TOKEN`.
    ///
    /// # Errors
    ///
    /// [`Unfit::Parts`] for anything else, [`Unfit::Token`] for a token where there can be none.
    pub fn to_parts(&self, may_have_token: bool) -> Result<Parts, Unfit> {
        let value = self.expose();
        if value.starts_with('{') {
            let Ok(Written { id, secret, token }) = serde_json::from_str::<Written<'_>>(value) else {
                return Err(Unfit::Parts);
            };
            // What had to be unescaped is a copy; it is wiped like the rest.
            let [id, secret] = [id, secret].map(|part| Zeroizing::new(part.into_owned()));
            let token = token.map(|token| Zeroizing::new(token.into_owned()));
            if token.is_some() && !may_have_token {
                return Err(Unfit::Token);
            }
            return parts(&id, &secret, token.as_ref().map(|token| token.as_str()));
        }
        let mut split = value.splitn(if may_have_token { 3 } else { 2 }, ':');
        match (split.next(), split.next(), split.next()) {
            (Some(id), Some(secret), token) => parts(id, secret, token),
            (_, None, _) | (None, _, _) => Err(Unfit::Parts),
        }
    }
}

fn parts(id: &str, secret: &str, token: Option<&str>) -> Result<Parts, Unfit> {
    let part = |text: &str| Secret::parse(text).map_err(|_| Unfit::Parts);
    let is_name =
        !id.is_empty() && id.len() <= 256 && id.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b',');
    if !is_name {
        return Err(Unfit::Parts);
    }
    Ok(Parts { id: Zeroizing::new(id.to_owned()), secret: part(secret)?, token: token.map(part).transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::parse(text).expect("a secret")
    }

    #[test]
    fn a71_a_value_stays_within_its_step_of_a_path() {
        for value in ["123456:AAH-abc_def~x.y", "a", "a..b", "...x", "a@b!$&'()*+,="] {
            assert_eq!(secret(value).to_path_step().map(|step| step.to_string()), Ok(value.to_owned()));
        }
        for value in
            ["a/b", "/", "a?b", "a#b", "..", ".", "%2f", "a%2Fb", "a%", "a\\b", "a b", "a;b", "a\"b", "a{b}", "a<b"]
        {
            assert_eq!(secret(value).to_path_step().err(), Some(Unfit::PathStep), "{value}");
        }
        assert_eq!(Unfit::PathStep.to_string(), "it holds a character that no step of a path can carry, e.g. `/`");
    }

    #[test]
    fn any_value_can_be_a_parameter() {
        for (value, expect) in [("a&b=c#d e+f%", "a%26b%3Dc%23d%20e%2Bf%25"), ("AIza-x_y.z~1", "AIza-x_y.z~1")] {
            assert_eq!(secret(value).to_parameter().as_str(), expect);
        }
    }

    #[test]
    fn user_and_password_are_those_of_the_rfc() {
        // RFC 7617, section 2.
        let basic =
            |value: &str, user: Option<&str>| secret(value).to_basic(user).map(|secret| secret.expose().to_owned());
        assert_eq!(basic("Aladdin:open sesame", None).as_deref(), Ok("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(basic("open sesame", Some("Aladdin")).as_deref(), Ok("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        for value in ["nocolon", ":password", "user:"] {
            assert_eq!(basic(value, None), Err(Unfit::UserPassword), "{value}");
        }
        assert_eq!(basic("x", Some("a:b")), Err(Unfit::Name));
        assert_eq!(
            secret("user:pass:word").password().map(|password| password.expose().to_owned()).as_deref(),
            Ok("pass:word")
        );
    }

    #[test]
    fn parts_are_split_and_never_guessed() {
        let told = |value: &str| {
            secret(value).to_parts(true).map(|Parts { id, secret, token }| {
                (id.to_string(), secret.expose().to_owned(), token.map(|token| token.expose().to_owned()))
            })
        };
        let plain = Ok(("AKID".to_owned(), "a/b+c".to_owned(), None));
        let temporary = Ok(("AKID".to_owned(), "a/b+c".to_owned(), Some("t:o/k".to_owned())));
        assert_eq!(told("AKID:a/b+c"), plain);
        assert_eq!(told("AKID:a/b+c:t:o/k"), temporary);
        assert_eq!(told(r#"{"accessKeyId":"AKID","secretAccessKey":"a/b+c"}"#), plain);
        assert_eq!(
            told(r#"{"AccessKeyId":"AKID","SecretAccessKey":"a\/b+c","SessionToken":"t:o/k","Expiration":"x"}"#),
            temporary
        );
        assert_eq!(told(r#"{"accessKeyId":"AKID","secretAccessKey":"a/b+c","sessionToken":null}"#), plain);
        for value in [
            "AKID",
            "AKID:",
            ":secret",
            "AKID:secret:",
            "AK/ID:secret",
            "AK,ID:secret",
            "{}",
            r#"{"accessKeyId":"AKID"}"#,
            r#"{"accessKeyId":1,"secretAccessKey":"x"}"#,
            r#"{"accessKeyId":"a b","secretAccessKey":"x"}"#,
            r#"{"accessKeyId":"AKID","secretAccessKey":"x\n"#,
        ] {
            assert!(matches!(secret(value).to_parts(true), Err(Unfit::Parts)), "{value}");
        }
        let two = |value: &str| secret(value).to_parts(false).map(|parts| parts.secret.expose().to_owned());
        assert_eq!(two("id:a:b").as_deref(), Ok("a:b"));
        assert_eq!(two(r#"{"id":"a","secret":"b","token":"c"}"#), Err(Unfit::Token));
    }
}

//! Puts a credential where its manifest says. Whether it may be on the request at all was judged before; a signature is
//! made in `sign`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use creel_policy::manifest::{ClassRule, HmacRule, Placement, Word};
use creel_store::secrets::Unfit;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;
use zeroize::Zeroizing;

use crate::credential::Injectable;
use crate::sign;

/// The secrets of one credential.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The value that was selected: the whole credential, or its first part.
    pub first: Arc<Injectable>,
    /// The secret part, where it has a source of its own.
    pub secret: Option<Arc<Injectable>>,
    /// A session token with a source of its own.
    pub token: Option<Arc<Injectable>>,
}

/// Why a credential cannot be put where it belongs. Holds nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInjection {
    /// The value has another form than the place.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// The place has a part that the operator says, and does not.
    #[error("the setting `{0}` is required for it")]
    Unset(String),
    /// The value is for a signature, and cannot be sent.
    #[error("it only signs, and is never sent itself")]
    OnlySigns,
}

/// A credential and where it goes.
#[derive(Clone)]
pub struct Injection {
    form: Form,
    with: BTreeMap<String, String>,
    /// Goes as `authorization: Bearer …` as well.
    bearer: Option<Arc<Injectable>>,
    masks: Vec<Arc<Injectable>>,
}

#[derive(Clone)]
enum Form {
    Header { name: String, prefix: String, secret: Arc<Injectable> },
    Parameter { name: String, secret: Arc<Injectable> },
    Path { before: String, after: String, secret: Arc<Injectable> },
    Basic { encoded: Arc<Injectable> },
    Hmac(Arc<HmacKey>),
    Aws(Arc<AwsKey>),
}

/// What an HMAC is made with.
pub(crate) struct HmacKey {
    pub(crate) rule: HmacRule,
    pub(crate) id: Option<Arc<Zeroizing<String>>>,
    pub(crate) key: Arc<Injectable>,
}

/// What a signature for AWS is made with.
pub(crate) struct AwsKey {
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) unsigned_payload: bool,
    pub(crate) id: Arc<Zeroizing<String>>,
    pub(crate) secret: Arc<Injectable>,
    pub(crate) token: Option<Arc<Injectable>>,
}

/// A request that is being made ready.
pub(crate) struct Outbound {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
}

/// A value that no header or URL can hold.
#[derive(Debug)]
pub(crate) struct BadPlace;

impl fmt::Debug for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Injection(…)")
    }
}

impl Injection {
    /// Makes a credential ready for the place of its class.
    ///
    /// # Errors
    ///
    /// [`BadInjection`] where the two do not fit (attacks 70, 71).
    pub fn new(secrets: &Secrets, rule: &ClassRule) -> Result<Self, BadInjection> {
        let mut masks = vec![Arc::clone(&secrets.first)];
        let form = form(secrets, &rule.place, &mut masks)?;
        Ok(Self { form, with: rule.with.clone(), bearer: None, masks })
    }

    /// Lets the value also go as a bearer token, in place of any other `authorization` (C56).
    ///
    /// # Errors
    ///
    /// [`BadInjection::OnlySigns`] where the value must not be sent.
    pub fn also_as_bearer(mut self) -> Result<Self, BadInjection> {
        let secret = match &self.form {
            Form::Header { secret, .. } | Form::Parameter { secret, .. } | Form::Path { secret, .. } => secret,
            Form::Basic { .. } | Form::Hmac(_) | Form::Aws(_) => return Err(BadInjection::OnlySigns),
        };
        self.bearer = Some(Arc::clone(secret));
        Ok(self)
    }

    /// Everything of it that a response must not hold.
    pub(crate) fn masks(&self) -> &[Arc<Injectable>] {
        &self.masks
    }

    /// Puts the credential on. Headers that go with it are joined to what the plugin set under the same name where
    /// that is a list (`anthropic-beta`), so that neither is lost. What signs is put on by [`sign`], which comes last.
    pub(crate) fn put_on(&self, out: &mut Outbound, base_path: &str) -> Result<(), BadPlace> {
        match &self.form {
            Form::Header { name, prefix, secret } => set(out, name, &secret.secret().with_prefix(prefix))?,
            Form::Basic { encoded } => set(out, "authorization", &encoded.secret().with_prefix("Basic "))?,
            Form::Parameter { name, secret } => {
                let value = secret.secret().to_parameter();
                let query = match out.url.query() {
                    Some(query) if !query.is_empty() => Zeroizing::new([query, "&", name, "=", &value].concat()),
                    Some(_) | None => Zeroizing::new([name, "=", &value].concat()),
                };
                out.url.set_query(Some(&query));
                if out.url.query() != Some(&query) {
                    return Err(BadPlace);
                }
            }
            Form::Path { before, after, secret } => {
                let value = secret.secret().to_path_step().map_err(|_| BadPlace)?;
                let below = out.url.path().strip_prefix(base_path).ok_or(BadPlace)?;
                let path = Zeroizing::new([base_path, before, &value, after, below].concat());
                out.url.set_path(&path);
                // What goes out is what was put together: a parser that tidied it up would make it another path.
                if out.url.path() != path.as_str() {
                    return Err(BadPlace);
                }
            }
            Form::Hmac(_) | Form::Aws(_) => {}
        }
        if let Some(secret) = &self.bearer {
            set(out, "authorization", &secret.secret().with_prefix("Bearer "))?;
        }
        self.with.iter().try_for_each(|(name, with)| join(&mut out.headers, name, with))
    }

    /// What the request is signed with, where the credential signs.
    pub(crate) fn signer(&self) -> Option<sign::Signer<'_>> {
        match &self.form {
            Form::Hmac(key) => Some(sign::Signer::Hmac(key)),
            Form::Aws(key) => Some(sign::Signer::Aws(key)),
            Form::Header { .. } | Form::Parameter { .. } | Form::Path { .. } | Form::Basic { .. } => None,
        }
    }
}

fn form(secrets: &Secrets, place: &Placement, masks: &mut Vec<Arc<Injectable>>) -> Result<Form, BadInjection> {
    let first = || Arc::clone(&secrets.first);
    if let Some(setting) = place.unset() {
        return Err(BadInjection::Unset(setting.to_owned()));
    }
    Ok(match place {
        Placement::Header { name, prefix } => {
            Form::Header { name: name.clone(), prefix: prefix.clone(), secret: first() }
        }
        Placement::Query { name } => Form::Parameter { name: name.clone(), secret: first() },
        Placement::Path { before, after } => {
            secrets.first.secret().to_path_step()?;
            Form::Path { before: before.clone(), after: after.clone(), secret: first() }
        }
        Placement::Basic { user } => {
            let held = match (&secrets.secret, user.as_ref().and_then(Word::text)) {
                (Some(password), _) => {
                    masks.push(Arc::clone(password));
                    password.basic(Some(&secrets.first.secret().with_prefix("")))?
                }
                (None, user) => secrets.first.basic(user)?,
            };
            // Masked before the password, whose own base64 would leave the ends of this one standing.
            masks.insert(0, Arc::clone(&held.encoded));
            masks.extend(held.password);
            Form::Basic { encoded: held.encoded }
        }
        Placement::HmacSha256(rule) => {
            let (id, key) = match &rule.id {
                None => (None, first()),
                Some(_) => {
                    let parts = parts(secrets, false, masks)?;
                    (Some(parts.id), parts.secret)
                }
            };
            sign::key_bytes(key.secret(), rule.key)?;
            Form::Hmac(Arc::new(HmacKey { rule: (**rule).clone(), id, key }))
        }
        Placement::AwsSigv4 { service, region, unsigned_payload } => {
            let parts = parts(secrets, true, masks)?;
            let region = region.text().unwrap_or_default().to_owned();
            let (id, secret, token) = (parts.id, parts.secret, parts.token);
            let (service, unsigned_payload) = (service.clone(), *unsigned_payload);
            Form::Aws(Arc::new(AwsKey { service, region, unsigned_payload, id, secret, token }))
        }
    })
}

/// The parts of a credential: each from a source of its own, or all from one value.
fn parts(
    secrets: &Secrets,
    may_have_token: bool,
    masks: &mut Vec<Arc<Injectable>>,
) -> Result<crate::credential::HeldParts, BadInjection> {
    let parts = match &secrets.secret {
        Some(secret) => {
            let id = secrets.first.secret().with_prefix("");
            let is_name = id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b',' | b':'));
            if !is_name {
                return Err(Unfit::Name.into());
            }
            let (secret, token) = (Arc::clone(secret), secrets.token.clone());
            crate::credential::HeldParts { id: Arc::new(id), secret, token }
        }
        None => secrets.first.parts(may_have_token)?,
    };
    masks.push(Arc::clone(&parts.secret));
    masks.extend(parts.token.clone());
    Ok(parts)
}

fn set(out: &mut Outbound, name: &str, text: &str) -> Result<(), BadPlace> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadPlace)?;
    let mut value = HeaderValue::from_str(text).map_err(|_| BadPlace)?;
    value.set_sensitive(true);
    out.headers.insert(name, value);
    Ok(())
}

fn join(headers: &mut HeaderMap, name: &str, with: &str) -> Result<(), BadPlace> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BadPlace)?;
    let present = headers.get(&name);
    let is_sensitive = present.is_some_and(HeaderValue::is_sensitive);
    let joined = match present.and_then(|value| value.to_str().ok()) {
        Some(present) if present.split(',').any(|one| one.trim() == with) => present.to_owned(),
        Some(present) => format!("{present},{with}"),
        None => with.to_owned(),
    };
    let mut value = HeaderValue::from_str(&joined).map_err(|_| BadPlace)?;
    value.set_sensitive(is_sensitive);
    headers.insert(name, value);
    Ok(())
}

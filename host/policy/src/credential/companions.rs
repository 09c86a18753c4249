//! Credentials of several parts whose parts stand in variables of their own: which belong together, and whether all are
//! there.

use crate::manifest::{ClassRule, Companions};

use super::contenders::Context;
use super::{Availability, SecretSource};

/// The variables that go with a source; `None` where its value is the whole credential.
#[must_use]
pub fn companions<'r>(rule: &'r ClassRule, source: &SecretSource) -> Option<&'r Companions> {
    let SecretSource::Environment(name) = source else { return None };
    rule.companions.as_ref().filter(|_| rule.environment.contains(name))
}

/// Every variable that a rule may want to read.
pub(super) fn variables(rule: &ClassRule) -> impl Iterator<Item = &str> {
    let others = rule.companions.iter().flat_map(|others| std::iter::once(&others.secret).chain(&others.token));
    rule.environment.iter().chain(others).map(String::as_str)
}

impl Context<'_> {
    /// The fingerprint of a whole credential whose first part is there: that of its secret part. The first part alone
    /// is only a name.
    pub(super) fn complete(self, rule: usize, source: &SecretSource, fingerprint: String) -> Result<String, String> {
        let rule = self.request.slot.classes.get(rule);
        let Some(others) = rule.and_then(|rule| companions(rule, source)) else { return Ok(fingerprint) };
        let of = |name: &String| self.known.availability(&SecretSource::Environment(name.clone()));
        if let Some(Availability::Refused(why)) = others.token.as_ref().map(of) {
            return Err(format!("{source} goes with a variable that cannot be used: {why}"));
        }
        match of(&others.secret) {
            Availability::Present { fingerprint } => Ok(fingerprint),
            Availability::Missing(what) => Err(format!("{source} goes with `{}`, which is {what}", others.secret)),
            Availability::Blank => Err(format!("{source} goes with `{}`, which is blank", others.secret)),
            Availability::Refused(why) => {
                Err(format!("{source} goes with `{}`, which cannot be used: {why}", others.secret))
            }
        }
    }
}

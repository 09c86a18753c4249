//! stub
use std::collections::BTreeMap;
use std::sync::Arc;
use creel_engine::Injectable;
use creel_policy::config::Config;
use creel_policy::profiles::Profiles;
use creel_policy::credential::{Availability, Known, SecretSource};
use creel_store::secrets::{Environment, FingerprintKey};
pub(crate) struct Secrets { live: BTreeMap<SecretSource, Arc<Injectable>> }
impl Secrets {
  pub(crate) fn resolve(_c:&Config,_p:&Profiles,_s:&[SecretSource],_e:&Environment,_k:&FingerprintKey)->Self { Self{live:BTreeMap::new()} }
  pub(crate) fn get(&self, source:&SecretSource)->Option<Arc<Injectable>> { self.live.get(source).cloned() }
}
impl Known for Secrets { fn availability(&self,_s:&SecretSource)->Availability { Availability::Blank } }

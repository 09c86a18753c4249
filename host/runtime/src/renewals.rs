//! Access tokens that the host renews: held for every generation, one renewal at a time for each login, whoever waits
//! for it. When one is due is `creel_policy::credential`'s to say; no plugin learns of any of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use creel_engine::Injectable;
use creel_policy::config::Config;
use creel_policy::credential::{Availability, CredentialDerivation, Known, SecretSource, Selection};
use creel_policy::fallback::CallFault;
use creel_policy::ids::{PluginId, ProfileId};
use creel_policy::manifest::RefreshRule;
use creel_policy::profiles::{Profiles, StoredCredential};
use creel_policy::renewal::{BadRenewal, Renewal, Setback, read_answer, request_body};
use creel_policy::route::ModelTarget;
use creel_policy::secret_ref::Literal;
use creel_store::secrets::{Keeper, Places, Renewed};

use crate::core::{Audit, Core};
use crate::knowledge::Knowledge;
use crate::model::{Failed, key_of};

/// A profile with the login that its file has: a new login begins anew.
type LoginKey = (ProfileId, String);

/// Access tokens that were renewed, and what stands in the way of renewing others.
pub(crate) struct Renewals {
    keeper: RwLock<Arc<Keeper>>,
    entries: RwLock<BTreeMap<LoginKey, Entry>>,
    /// One for each login that was ever due; as many as there are profiles.
    flights: Mutex<BTreeMap<LoginKey, Arc<tokio::sync::Mutex<()>>>>,
    /// Whether the log has said that nothing can be kept.
    is_told: AtomicBool,
}

#[derive(Clone, Default)]
struct Entry {
    held: Option<Held>,
    setback: Option<Setback>,
}

/// A renewed access token, and what the next one is got with.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) access: Arc<Injectable>,
    refresh: Arc<Literal>,
    fingerprint: String,
    expires_ms: u64,
}

impl Renewals {
    /// Takes up what an earlier run has kept, and says the login of each profile that could be renewed.
    pub(crate) fn gather(
        config: &Config,
        profiles: &Profiles,
        places: &Places<'_>,
    ) -> (Self, BTreeMap<ProfileId, String>) {
        let refresh = |stored: &StoredCredential| stored.refresh.is_some() && stored.expires_ms.is_some();
        let renewable = profiles.profiles.iter().filter_map(|profile| {
            let stored = profile.credential.as_ref().ok().filter(|stored| refresh(stored))?;
            Some((profile.id.clone(), stored.refresh.as_ref()?))
        });
        let renewable: Vec<(ProfileId, &Literal)> = renewable.collect();
        let keeper = Keeper::open(&config.secrets, places, !renewable.is_empty());
        let logins: BTreeMap<_, _> =
            renewable.iter().map(|(id, refresh)| (id.clone(), keeper.login(refresh))).collect();
        let renewals = Self {
            keeper: RwLock::new(Arc::new(keeper)),
            entries: RwLock::default(),
            flights: Mutex::default(),
            is_told: AtomicBool::new(false),
        };
        for login in &logins {
            renewals.look_up(&(login.0.clone(), login.1.clone()));
        }
        (renewals, logins)
    }

    /// Takes in what was gathered anew, with the key and the vault as they are configured now. What stood in the way may
    /// be mended, so that it is tried again.
    pub(crate) fn take_in(&self, fresh: &Self) {
        *self.keeper.write().unwrap_or_else(PoisonError::into_inner) = fresh.keeper();
        self.is_told.store(false, Ordering::Relaxed);
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.values_mut().for_each(|entry| entry.setback = None);
        drop(entries);
        let gathered = fresh.entries.read().unwrap_or_else(PoisonError::into_inner).clone();
        for (login, entry) in gathered {
            if let Some(held) = entry.held {
                self.put(&login, held);
            }
        }
    }

    fn keeper(&self) -> Arc<Keeper> {
        Arc::clone(&self.keeper.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn entry(&self, login: &LoginKey) -> Entry {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(login).cloned().unwrap_or_default()
    }

    /// When each token that is held ends.
    fn ends(&self) -> BTreeMap<LoginKey, u64> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter_map(|(login, entry)| Some((login.clone(), entry.held.as_ref()?.expires_ms))).collect()
    }

    fn flight(&self, login: &LoginKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(flights.entry(login.clone()).or_default())
    }

    /// Holds a token, unless one that lasts longer is held.
    fn put(&self, login: &LoginKey, held: Held) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(login.clone()).or_default();
        if entry.held.as_ref().is_none_or(|before| before.expires_ms < held.expires_ms) {
            *entry = Entry { held: Some(held), setback: None };
        }
    }

    fn set_back(&self, login: &LoginKey, setback: Setback) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.entry(login.clone()).or_default().setback = Some(setback);
    }

    /// Takes up what is kept of a login, perhaps by another process. Waits for the disk.
    fn look_up(&self, login: &LoginKey) {
        let keeper = self.keeper();
        match keeper.kept(&login.0, &login.1) {
            Ok(Some(renewed)) => self.put(login, held(&keeper, renewed)),
            Ok(None) => {}
            Err(error) => self.not_kept(&error),
        }
    }

    /// Keeps a token, and holds it. Waits for the disk.
    fn keep(&self, login: &LoginKey, renewed: Renewed, now_ms: u64) {
        let keeper = self.keeper();
        match keeper.keep(&login.0, &login.1, &renewed, now_ms) {
            Ok(true) => {}
            Ok(false) => self.not_kept("there is no state directory"),
            Err(error) => self.not_kept(&error),
        }
        self.put(login, held(&keeper, renewed));
    }

    fn not_kept(&self, error: &str) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(error, "the vault cannot be used: renewed access tokens are held in memory alone");
        }
    }
}

fn held(keeper: &Keeper, renewed: Renewed) -> Held {
    let Renewed { access, refresh, expires_ms } = renewed;
    let fingerprint = keeper.fingerprint(&access);
    Held { access: Arc::new(Injectable::new(access)), refresh: Arc::new(refresh), fingerprint, expires_ms }
}

/// What a call asks: the snapshot, and whatever was renewed since.
impl Known for Knowledge {
    fn availability(&self, source: &SecretSource) -> Availability {
        match self.renewed(source) {
            Some(held) => Availability::Present { fingerprint: held.fingerprint },
            None => self.secrets.availability(source),
        }
    }

    fn renewal(&self, profile: &ProfileId) -> Option<Renewal> {
        let entry = self.renewals.entry(&self.login(profile)?);
        let held = self.renewed(&SecretSource::Profile(profile.clone()));
        Some(Renewal { until_ms: held.map(|held| held.expires_ms), setback: entry.setback })
    }
}

impl Knowledge {
    fn login(&self, profile: &ProfileId) -> Option<LoginKey> {
        Some((profile.clone(), self.logins.get(profile)?.clone()))
    }

    /// The renewed token of a profile, where it lasts longer than the one of the file.
    pub(crate) fn renewed(&self, source: &SecretSource) -> Option<Held> {
        let SecretSource::Profile(id) = source else { return None };
        let of_file = self.stored(id)?.expires_ms?;
        self.renewals.entry(&self.login(id)?).held.filter(|held| held.expires_ms > of_file)
    }

    fn stored(&self, profile: &ProfileId) -> Option<&StoredCredential> {
        self.profiles.get(profile)?.credential.as_ref().ok()
    }
}

/// A renewal that is wanted.
struct Wanted {
    knowledge: Arc<Knowledge>,
    plugin: PluginId,
    rule: RefreshRule,
    login: LoginKey,
    /// When the renewed token ends that was held when the call chose; `None`: it had the file's own.
    seen_ms: Option<u64>,
}

impl Core {
    /// Renews what a call to a model would be sent and is due; says whether something was.
    ///
    /// # Errors
    ///
    /// [`Failed`] with the derivation, where it cannot be renewed.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        knowledge: &Arc<Knowledge>,
        (target, is_probe): (&ModelTarget, bool),
    ) -> Result<bool, Failed> {
        let mut is_renewed = false;
        let Some(provider) = knowledge.plan.providers.get(&target.model.provider) else { return Ok(false) };
        for slot in provider.grant.credentials.values() {
            if slot.refresh.is_none() || knowledge.logins.is_empty() {
                continue;
            }
            let before = knowledge.renewals.ends();
            let (derivation, selection) = knowledge.select(target, (slot, provider), (self.now_ms(), is_probe));
            let (Selection::Secret(selected), Some(rule)) = (selection, &slot.refresh) else { continue };
            let SecretSource::Profile(id) = &selected.source else { continue };
            let Some(login) = knowledge.login(id).filter(|_| selected.due.is_some()) else { continue };
            let wanted = Wanted {
                knowledge: Arc::clone(knowledge),
                plugin: provider.plugin.clone(),
                rule: rule.clone(),
                seen_ms: before.get(&login).copied(),
                login,
            };
            let core = Arc::clone(self);
            let select = || knowledge.select(target, (slot, provider), (self.now_ms(), is_probe)).1;
            // It goes on if the call is cut off: a refresh token that the server has replaced is of no use any more.
            let done = tokio::spawn(async move { wanted.renew(&core).await }).await;
            let done = done.unwrap_or_else(|error| Err(BadRenewal::NotSent(error.to_string())));
            match (done, select()) {
                (Ok(()), _) => is_renewed = true,
                // The one that is there has not ended yet.
                (Err(_), Selection::Secret(again)) if again.source == selected.source && again.due.is_none() => {}
                (Err(bad), _) => return Err(failed(&bad, derivation)),
            }
        }
        Ok(is_renewed)
    }
}

fn failed(bad: &BadRenewal, derivation: CredentialDerivation) -> Failed {
    let fault = if bad.is_lasting() { CallFault::Authentication } else { CallFault::Unreachable };
    let id = derivation.chosen().map_or("", |chosen| &chosen.id);
    let message = format!("credential `{id}` has ended, and renewing it failed: {bad}");
    let key = key_of(&derivation).filter(|_| bad.is_lasting());
    Failed { key, was_asked: bad.is_lasting(), ..Failed::new(fault, message) }.with(Some(derivation))
}

impl Wanted {
    /// Renews it, or waits for who does.
    async fn renew(self, core: &Arc<Core>) -> Result<(), BadRenewal> {
        let flight = self.knowledge.renewals.flight(&self.login);
        let _turn = flight.lock().await;
        if let Some(done) = self.settled(core.now_ms()) {
            return done;
        }
        // Another process of this state directory may have been first.
        let this = Arc::new(self);
        let looking = Arc::clone(&this);
        blocking(move || looking.knowledge.renewals.look_up(&looking.login)).await?;
        if let Some(done) = this.settled(core.now_ms()) {
            return done;
        }
        let renewed = this.ask(core).await;
        let now_ms = core.now_ms();
        match renewed {
            Ok(renewed) => {
                tracing::info!(profile = %this.login.0, "the access token was renewed");
                blocking(move || this.knowledge.renewals.keep(&this.login, renewed, now_ms)).await
            }
            Err(bad) => {
                tracing::error!(profile = %this.login.0, error = %bad, "the access token could not be renewed");
                this.knowledge.renewals.set_back(&this.login, Setback::of(&bad, now_ms));
                Err(bad)
            }
        }
    }

    /// What another has come to meanwhile.
    fn settled(&self, now_ms: u64) -> Option<Result<(), BadRenewal>> {
        let entry = self.knowledge.renewals.entry(&self.login);
        let is_newer = |held: Held| self.seen_ms.is_none_or(|seen_ms| seen_ms < held.expires_ms);
        if entry.held.filter(|held| held.expires_ms > now_ms).is_some_and(is_newer) {
            return Some(Ok(()));
        }
        let setback = entry.setback.filter(|setback| setback.holds(now_ms))?;
        Some(Err(setback.why))
    }

    /// Asks the server.
    async fn ask(&self, core: &Arc<Core>) -> Result<Renewed, BadRenewal> {
        let held = self.knowledge.renewals.entry(&self.login).held;
        let stored = self.knowledge.stored(&self.login.0);
        let of_file = stored.and_then(|stored| stored.refresh.as_ref());
        let refresh = held.as_ref().map(|held| &*held.refresh).or(of_file);
        let client = stored.and_then(|stored| stored.client_id.as_ref()).or(self.rule.client_id.as_ref());
        let (Some(refresh), Some(client)) = (refresh, client) else {
            return Err(BadRenewal::NotSent("the profile is gone".to_owned()));
        };
        let answered = core.egress.renew(&self.rule, request_body(&self.rule, client, refresh)).await;
        core.audit(Audit {
            plugin: self.plugin.to_string(),
            action: "renew POST".to_owned(),
            is_allowed: !matches!(answered, Err(BadRenewal::NotSent(_))),
            rule: answered.as_ref().err().map_or_else(String::new, ToString::to_string),
            target: self.rule.token_url.to_string(),
        })
        .await;
        let (status, body) = answered?;
        let answer = read_answer(status, &body, core.now_ms())?;
        Renewed::of(&answer, refresh).map_err(|_| BadRenewal::Malformed)
    }
}

/// Waits for the disk on a thread that may.
async fn blocking(work: impl FnOnce() + Send + 'static) -> Result<(), BadRenewal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| BadRenewal::NotSent(error.to_string()))
}

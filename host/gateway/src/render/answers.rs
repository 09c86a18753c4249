//! Answers as people read them: the verdict first, then how it came about, then who says so.

use creel_policy::credential::{Comparison, VariableState};
use creel_policy::probe::ProbeStatus;

use super::table::{Table, plain};
use super::{Style, shown};
use crate::clock::rfc3339;
use crate::views::{
    Answerer, AuthView, EgressView, MediaView, PlanView, ProbeView, ReloadView, RouteView, StatusView, TargetView,
    UseView, WinnerView,
};

/// `explain auth`.
pub(crate) fn auth(view: &AuthView, style: Style) -> String {
    let verdict = match (&view.winner, &view.failure) {
        (Some(winner), _) if winner.class.is_none() => "no credential is sent, and none is needed".to_owned(),
        (Some(winner), _) => format!("`{}` is sent{}", shown(&winner.id), shown(&of_winner(winner))),
        (None, Some(failure)) => format!("{}: {}", style.red("no credential can be sent"), shown(failure)),
        (None, None) => "no credential is sent: the plugin declares none".to_owned(),
    };
    let mut text = format!("{}, for {}: {verdict}\n", style.bold(&shown(&view.provider)), shown(&view.use_));
    if !view.candidates.is_empty() {
        let heads: [(&str, super::table::Paint); 6] = [
            ("", plain),
            ("candidate", plain),
            ("source", plain),
            ("class", plain),
            ("verdict", Style::verdict),
            ("reason", plain),
        ];
        let mut table = Table::new(&heads);
        for (number, one) in (1..).zip(&view.candidates) {
            table.row([
                format!("{number}"),
                one.id.clone(),
                one.source.clone(),
                one.class.clone().unwrap_or_default(),
                one.verdict.clone(),
                one.reason.clone(),
            ]);
        }
        text.push_str(&table.render(style));
    }
    if let Some(compared) = &view.comparison {
        text.push_str(&comparison(compared, style));
    }
    finish(text, view.hint.as_deref(), &view.answerer, style)
}

/// The variables that can decide, for the daemon and in this shell.
fn comparison(compared: &[Comparison], style: Style) -> String {
    if compared.is_empty() {
        return "no variable of the environment can decide\n".to_owned();
    }
    let differing = compared.iter().filter(|one| !one.same).count();
    let mut text = match differing {
        0 => "the daemon and this shell have the same variables\n".to_owned(),
        _ => format!("{} of {} variables differ between the daemon and this shell\n", differing, compared.len()),
    };
    let mut table = Table::new(&[("variable", plain), ("daemon", plain), ("shell", plain), ("", plain)]);
    for one in compared {
        let detail = one.detail.clone().unwrap_or_else(|| "the same".to_owned());
        table.row([one.name.clone(), state(one.daemon).to_owned(), state(one.shell).to_owned(), detail]);
    }
    text.push_str(&table.render(style));
    text
}

fn state(state: VariableState) -> &'static str {
    match state {
        VariableState::Set => "set",
        VariableState::Unset => "unset",
        VariableState::Blank => "blank",
    }
}

/// `explain media`.
pub(crate) fn media(view: &MediaView, style: Style) -> String {
    let mut text = match (&view.uri, &view.reason) {
        (Some(uri), _) => {
            let size = view.size.map(|size| format!(", {size} bytes")).unwrap_or_default();
            let kind = view.content_type.as_deref().unwrap_or("unknown type");
            format!("{}: `{}` is {uri} ({kind}{size})\n", style.verdict("allowed"), shown(&view.input))
        }
        (None, None) => {
            format!("{}: `{}` is fetched when it is used\n", style.verdict("allowed"), shown(&view.input))
        }
        (None, reason @ Some(_)) => {
            let reason = reason.as_deref().unwrap_or("refused");
            let detail = view.detail.as_deref().unwrap_or_default();
            format!("{}: `{}`: {reason}: {}\n", style.verdict("refused"), shown(&view.input), shown(detail))
        }
    };
    let mut table = Table::new(&[("root", plain), ("verdict", Style::verdict), ("mode", plain), ("directory", plain)]);
    for root in &view.roots {
        table.row([root.name.clone(), root.verdict.clone(), root.mode.clone(), root.path.clone()]);
    }
    text.push_str(&table.render(style));
    finish(text, None, &view.answerer, style)
}

/// `explain route`.
pub(crate) fn route(view: &RouteView, style: Style) -> String {
    let needs = view.needs.join(", ");
    let verdict = match (&view.plan, &view.failure) {
        (Some(PlanView::Direct { chain }), _) => format!("goes to {}", names(chain)),
        (Some(PlanView::Describe { describers, chain }), _) => {
            format!("pictures are described by {}, the answer is by {}", names(describers), names(chain))
        }
        (None, Some(failure)) => format!("{}: {}", style.red("no model can answer"), shown(failure)),
        (None, None) => style.red("no model can answer"),
    };
    let mut text = format!("{} {needs}: {verdict}\n", style.bold("needs"));
    if !view.candidates.is_empty() {
        let mut table = Table::new(&[("model", plain), ("as", plain), ("verdict", Style::verdict), ("reason", plain)]);
        for one in &view.candidates {
            table.row([one.model.clone(), one.role.clone(), one.verdict.clone(), one.reason.clone()]);
        }
        text.push_str(&table.render(style));
    }
    finish(text, view.hint.as_deref(), &view.answerer, style)
}

/// `explain egress`.
pub(crate) fn egress(view: &EgressView, style: Style) -> String {
    let by = view.entry.as_ref().map(|entry| format!(" (`{}`)", shown(entry))).unwrap_or_default();
    let who = style.bold(&shown(&view.plugin));
    let mut text = format!("{} for {who}{by}: {}\n", style.verdict(&view.verdict), shown(&view.rule));
    if !view.grants.is_empty() {
        let heads: [(&str, super::table::Paint); 5] =
            [("endpoint", plain), ("server", plain), ("may be asked", plain), ("said by", plain), ("", plain)];
        let mut table = Table::new(&heads);
        for grant in &view.grants {
            let private = if grant.may_be_private { "may be at a private address" } else { "" };
            table.row([
                grant.endpoint.clone(),
                grant.base.clone(),
                grant.allow.join(", "),
                grant.source.clone(),
                private.to_owned(),
            ]);
        }
        text.push_str(&table.render(style));
    }
    finish(text, None, &view.answerer, style)
}

/// `models status`.
pub(crate) fn status(view: &StatusView, style: Style) -> String {
    let mut text = String::new();
    if view.providers.is_empty() {
        text.push_str("the configuration names no model\n");
    }
    for provider in &view.providers {
        text.push_str(&format!("{}\n", style.bold(&shown(&provider.provider))));
        let heads: [(&str, super::table::Paint); 6] = [
            ("use", plain),
            ("state", Style::verdict),
            ("models", plain),
            ("credential", plain),
            ("probe", plain),
            ("why", plain),
        ];
        let mut table = Table::new(&heads);
        for one in &provider.uses {
            let credential = one.winner.as_ref().map(|winner| format!("{}{}", winner.id, of_winner(winner)));
            table.row([
                one.use_.clone(),
                one.state.clone(),
                one.models.join(", "),
                credential.unwrap_or_default(),
                one.probe.as_ref().map(probe).unwrap_or_default(),
                one.detail.clone(),
            ]);
        }
        text.push_str(&table.render(style));
    }
    let is_refused = |one: &UseView| one.probe.as_ref().is_some_and(|probe| probe.status == ProbeStatus::Auth);
    let refused = view.providers.iter().find(|provider| provider.uses.iter().any(is_refused));
    let hint = refused.map(|provider| {
        let ask = format!("creel explain auth {} --compare-shell", provider.provider);
        format!("`{ask}` says why this credential is sent, and what your shell has instead")
    });
    finish(text, hint.as_deref(), &view.answerer, style)
}

/// What came of a real call.
fn probe(probe: &ProbeView) -> String {
    let word = match probe.status {
        ProbeStatus::Ok => "ok",
        ProbeStatus::Auth => "auth",
        ProbeStatus::RateLimit => "rate limit",
        ProbeStatus::Billing => "billing",
        ProbeStatus::Timeout => "timeout",
        ProbeStatus::Format => "format",
        ProbeStatus::Unknown => "unknown",
        ProbeStatus::NoModel => "no model",
        ProbeStatus::NotNeeded => "not needed",
    };
    format!("{word}: {} ({} ms)", probe.message, probe.ms)
}

/// A time that has passed, as far as people care.
fn ago(age_ms: u64) -> String {
    match age_ms / 1_000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// `reload`.
pub(crate) fn reload(view: &ReloadView, style: Style) -> String {
    let mut text = format!("{}: calls that begin from now on go by what was read\n", style.green("reloaded"));
    let channels = [
        ("listens anew on", &view.reloaded.channels_restarted),
        ("listens from now on on", &view.reloaded.channels_started),
        ("listens no longer on", &view.reloaded.channels_stopped),
    ];
    for (what, channels) in channels.into_iter().filter(|(_, channels)| !channels.is_empty()) {
        text.push_str(&format!("{what} {}\n", shown(&channels.join(", "))));
    }
    for problem in view.reloaded.problems.iter().chain(&view.absent) {
        text.push_str(&format!("{} {}\n", style.red("problem:"), shown(problem)));
    }
    let hint = (!view.needs_restart.is_empty())
        .then(|| format!("{} has changed, which takes a restart of the daemon", view.needs_restart.join(", ")));
    finish(text, hint.as_deref(), &view.answerer, style)
}

fn of_winner(winner: &WinnerView) -> String {
    let class = winner.class.as_deref().unwrap_or("unknown class");
    let mut said = format!(" ({class}");
    if winner.source != winner.id {
        said.push_str(&format!(", {}", winner.source));
    }
    if let Some(fingerprint) = &winner.fingerprint {
        said.push_str(&format!(", fingerprint {fingerprint}"));
    }
    if let Some(age_ms) = winner.age_ms {
        said.push_str(&format!(", read {} ago", ago(age_ms)));
    }
    said.push(')');
    said
}

fn names(targets: &[TargetView]) -> String {
    let names: Vec<String> = targets.iter().map(|target| format!("`{}`", shown(&target.model))).collect();
    names.join(", then ")
}

pub(super) fn finish(mut text: String, hint: Option<&str>, answerer: &Answerer, style: Style) -> String {
    if let Some(hint) = hint {
        text.push_str(&format!("{} {}\n", style.bold("hint:"), shown(hint)));
    }
    if let Some(daemon) = &answerer.daemon {
        let said = format!(
            "answered by the daemon: process {}, version {}, started {}, home `{}`, state directory `{}`, configuration `{}`",
            daemon.pid,
            shown(&daemon.version),
            rfc3339(daemon.started_ms),
            shown(daemon.home.as_deref().unwrap_or_default()),
            shown(&daemon.state_dir),
            shown(&daemon.config_path)
        );
        text.push_str(&format!("{}\n", style.dim(&said)));
    }
    text
}

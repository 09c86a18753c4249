//! Who may speak to a channel. It judges one sender against the operator's lists; it keeps no list of its own, and there
//! is no pairing.

use std::collections::BTreeSet;

/// What is done with direct messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DmPolicy {
    /// Only senders on `allowFrom`.
    #[default]
    Allowlist,
    /// Everyone, once `allowFrom` says so with `*`.
    Open,
    /// No one.
    Disabled,
}

/// What is done with messages in groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupPolicy {
    /// Only senders, and groups, on `groupAllowFrom`.
    #[default]
    Allowlist,
    /// Everyone.
    Open,
    /// No one.
    Disabled,
}

/// A policy that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// The older gateway's default, which Creel has not.
    #[error("`pairing` is not supported by Creel: use `allowlist` and list the senders in `allowFrom`")]
    Pairing,
    /// Anything else.
    #[error("must be one of `allowlist`, `open`, `disabled`")]
    Unknown,
}

impl DmPolicy {
    /// Parses the value of `dmPolicy`.
    ///
    /// # Errors
    ///
    /// [`BadPolicy`] for any word but `allowlist`, `open` and `disabled`.
    pub fn parse(text: &str) -> Result<Self, BadPolicy> {
        match text {
            "allowlist" => Ok(Self::Allowlist),
            "open" => Ok(Self::Open),
            "disabled" => Ok(Self::Disabled),
            "pairing" => Err(BadPolicy::Pairing),
            _ => Err(BadPolicy::Unknown),
        }
    }
}

impl GroupPolicy {
    /// Parses the value of `groupPolicy`.
    ///
    /// # Errors
    ///
    /// [`BadPolicy::Unknown`] for any word but `allowlist`, `open` and `disabled`.
    pub fn parse(text: &str) -> Result<Self, BadPolicy> {
        match text {
            "allowlist" => Ok(Self::Allowlist),
            "open" => Ok(Self::Open),
            "disabled" => Ok(Self::Disabled),
            _ => Err(BadPolicy::Unknown),
        }
    }
}

/// Who may speak, as the operator wrote it. The default lets no one in.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessRules {
    /// For direct messages.
    pub dm_policy: DmPolicy,
    /// Senders, as written.
    pub allow_from: Vec<String>,
    /// For groups.
    pub group_policy: GroupPolicy,
    /// Senders and groups (`group:<id>`), as written; where none is left, `allow_from` counts.
    pub group_allow_from: Vec<String>,
}

/// Who spoke, and where.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The network's stable name.
    pub id: &'a str,
    /// Other names that a list may use.
    pub aliases: &'a [String],
    /// The conversation.
    pub conversation_id: &'a str,
    /// Whether others listen.
    pub is_group: bool,
}

/// Whether a sender is listened to, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Admission {
    /// The verdict.
    pub allowed: bool,
    /// The reason for programs, in the words of the older gateway.
    pub code: &'static str,
    /// The rule for people.
    pub rule: String,
}

/// Decides whether a sender is listened to. Reactions and commands get the same answer as messages (case Q12).
#[must_use]
pub fn admit(rules: &AccessRules, sender: &Sender<'_>) -> Admission {
    if sender.is_group { admit_in_group(rules, sender) } else { admit_directly(rules, sender) }
}

fn admit_directly(rules: &AccessRules, sender: &Sender<'_>) -> Admission {
    let list = normalise(&rules.allow_from);
    match rules.dm_policy {
        DmPolicy::Disabled => blocked("DM_POLICY_DISABLED", "`dmPolicy` is `disabled`"),
        DmPolicy::Open if list.contains("*") => {
            allowed("DM_POLICY_OPEN", "`dmPolicy` is `open` and `allowFrom` holds `*`")
        }
        DmPolicy::Open if has_sender(&list, sender) => {
            allowed("DM_POLICY_ALLOWLISTED", "`dmPolicy` is `open` and the sender is on `allowFrom`")
        }
        DmPolicy::Open => blocked(
            "DM_POLICY_NOT_ALLOWLISTED",
            "`dmPolicy` is `open`, and `allowFrom` holds neither `*` nor the sender",
        ),
        DmPolicy::Allowlist if list.contains("*") => {
            allowed("DM_POLICY_ALLOWLISTED", "`dmPolicy` is `allowlist` and `allowFrom` holds `*`")
        }
        DmPolicy::Allowlist if has_sender(&list, sender) => {
            allowed("DM_POLICY_ALLOWLISTED", "`dmPolicy` is `allowlist` and the sender is on `allowFrom`")
        }
        DmPolicy::Allowlist if list.is_empty() => {
            blocked("DM_POLICY_NOT_ALLOWLISTED", "`dmPolicy` is `allowlist` and `allowFrom` is empty")
        }
        DmPolicy::Allowlist => {
            blocked("DM_POLICY_NOT_ALLOWLISTED", "`dmPolicy` is `allowlist` and the sender is not on `allowFrom`")
        }
    }
}

fn admit_in_group(rules: &AccessRules, sender: &Sender<'_>) -> Admission {
    let own = normalise(&rules.group_allow_from);
    let (list, name) =
        if own.is_empty() { (normalise(&rules.allow_from), "allowFrom") } else { (own, "groupAllowFrom") };
    match rules.group_policy {
        GroupPolicy::Disabled => blocked("GROUP_POLICY_DISABLED", "`groupPolicy` is `disabled`"),
        GroupPolicy::Open => allowed("GROUP_POLICY_ALLOWED", "`groupPolicy` is `open`"),
        GroupPolicy::Allowlist if list.is_empty() => blocked(
            "GROUP_POLICY_EMPTY_ALLOWLIST",
            "`groupPolicy` is `allowlist`, and neither `groupAllowFrom` nor `allowFrom` holds anyone",
        ),
        GroupPolicy::Allowlist if list.contains("*") => {
            allowed("GROUP_POLICY_ALLOWED", &format!("`groupPolicy` is `allowlist` and `{name}` holds `*`"))
        }
        GroupPolicy::Allowlist if list.contains(&group_entry(sender.conversation_id)) => {
            allowed("GROUP_POLICY_ALLOWED", &format!("`groupPolicy` is `allowlist` and the group is on `{name}`"))
        }
        GroupPolicy::Allowlist if has_sender(&list, sender) => {
            allowed("GROUP_POLICY_ALLOWED", &format!("`groupPolicy` is `allowlist` and the sender is on `{name}`"))
        }
        GroupPolicy::Allowlist => blocked(
            "GROUP_POLICY_NOT_ALLOWLISTED",
            &format!("`groupPolicy` is `allowlist` and the sender is not on `{name}`"),
        ),
    }
}

fn allowed(code: &'static str, rule: &str) -> Admission {
    Admission { allowed: true, code, rule: rule.to_owned() }
}

fn blocked(code: &'static str, rule: &str) -> Admission {
    Admission { allowed: false, code, rule: rule.to_owned() }
}

/// The entries of a list in their one form; blanks are dropped (case Q9).
fn normalise(list: &[String]) -> BTreeSet<String> {
    list.iter().map(|entry| one_form(entry)).filter(|entry| !entry.is_empty()).collect()
}

/// Whether one of the sender's names is on the list. No sender is called `*`, and none passes for a group.
fn has_sender(list: &BTreeSet<String>, sender: &Sender<'_>) -> bool {
    let names = std::iter::once(sender.id).chain(sender.aliases.iter().map(String::as_str)).map(one_form);
    names.filter(|name| !name.is_empty() && name != "*" && !name.starts_with(GROUP)).any(|name| list.contains(&name))
}

const GROUP: &str = "group:";

fn group_entry(conversation_id: &str) -> String {
    let id = conversation_id.trim();
    format!("{GROUP}{}", strip_prefix_in_any_case(id, GROUP).unwrap_or(id))
}

/// One form for the ways in which one name is written: `signal:`, `uuid:`, blanks within a telephone number, the case of
/// a UUID or user name. Everything else is compared as it stands, since some networks tell upper from lower case.
fn one_form(entry: &str) -> String {
    let entry = entry.trim();
    let entry = strip_prefix_in_any_case(entry, "signal:").unwrap_or(entry).trim();
    if let Some(id) = strip_prefix_in_any_case(entry, GROUP) {
        return format!("{GROUP}{}", id.trim());
    }
    if let Some(name) = strip_prefix_in_any_case(entry, "username:") {
        return format!("username:{}", name.trim().to_lowercase());
    }
    let entry = strip_prefix_in_any_case(entry, "uuid:").unwrap_or(entry).trim();
    if is_uuid(entry) {
        return entry.to_ascii_lowercase();
    }
    let is_number = entry.starts_with('+')
        && entry[1..].chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.'));
    if is_number {
        return entry.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    }
    entry.to_owned()
}

fn strip_prefix_in_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).map(|_| &text[prefix.len()..])
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if matches!(at, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "1b2a3c4d-0000-4000-8000-00000000000a";

    fn rules(dm: &str, from: &[&str], group: &str, group_from: &[&str]) -> AccessRules {
        let list = |entries: &[&str]| entries.iter().map(|entry| (*entry).to_owned()).collect();
        AccessRules {
            dm_policy: DmPolicy::parse(dm).expect("a policy"),
            allow_from: list(from),
            group_policy: GroupPolicy::parse(group).expect("a policy"),
            group_allow_from: list(group_from),
        }
    }

    #[track_caller]
    fn check_dm(policy: &str, from: &[&str], expect: &str) {
        let aliases = ["+15551234567".to_owned()];
        let sender = Sender { id: UUID, aliases: &aliases, conversation_id: UUID, is_group: false };
        let admission = admit(&rules(policy, from, "open", &["*"]), &sender);
        let said = format!("{} {}", if admission.allowed { "allow" } else { "block" }, admission.code);
        assert_eq!(said, expect, "{policy} {from:?}: {}", admission.rule);
    }

    #[track_caller]
    fn check_group(policy: &str, from: &[&str], group_from: &[&str], expect: &str) {
        let sender =
            Sender { id: UUID, aliases: &["+15551234567".to_owned()], conversation_id: "aGVsbG8=", is_group: true };
        let admission = admit(&rules("open", from, policy, group_from), &sender);
        let said = format!("{} {}", if admission.allowed { "allow" } else { "block" }, admission.code);
        assert_eq!(said, expect, "{policy} {from:?} {group_from:?}: {}", admission.rule);
    }

    #[test]
    fn q4_an_empty_allowlist_blocks() {
        for from in [&[][..], &["", "  "], &["signal:", "uuid:"], &["+15551234568"], &["group:aGVsbG8="]] {
            check_dm("allowlist", from, "block DM_POLICY_NOT_ALLOWLISTED");
        }
        check_dm("disabled", &["*"], "block DM_POLICY_DISABLED");
        let admission =
            admit(&AccessRules::default(), &Sender { id: "a", aliases: &[], conversation_id: "a", is_group: false });
        assert_eq!(
            (admission.allowed, admission.rule.as_str()),
            (false, "`dmPolicy` is `allowlist` and `allowFrom` is empty")
        );
    }

    #[test]
    fn q9_entries_are_trimmed_and_spelt_in_several_ways() {
        for entry in [
            UUID,
            " 1B2A3C4D-0000-4000-8000-00000000000A ",
            "uuid:1b2a3c4d-0000-4000-8000-00000000000a",
            "signal:uuid:1B2A3C4D-0000-4000-8000-00000000000A",
            "Signal:1b2a3c4d-0000-4000-8000-00000000000a",
            "+15551234567",
            "signal:+15551234567",
            "+1 (555) 123-4567",
            "*",
        ] {
            check_dm("allowlist", &["", entry], "allow DM_POLICY_ALLOWLISTED");
        }
        for near in [
            "15551234567",
            "+1555123456",
            "+155512345678",
            "1b2a3c4d-0000-4000-8000-00000000000b",
            "1b2a3c4d",
            "+*",
            "**",
        ] {
            check_dm("allowlist", &[near], "block DM_POLICY_NOT_ALLOWLISTED");
        }
        assert_eq!(normalise(&["a".into(), " a ".into(), "A".into(), String::new()]).len(), 2);
    }

    #[test]
    fn q18_open_admits_everyone_only_with_a_star() {
        check_dm("open", &["*"], "allow DM_POLICY_OPEN");
        check_dm("open", &["+15551234568", " * "], "allow DM_POLICY_OPEN");
        check_dm("open", &["+15551234567"], "allow DM_POLICY_ALLOWLISTED");
        check_dm("open", &["+15551234568"], "block DM_POLICY_NOT_ALLOWLISTED");
        check_dm("open", &[], "block DM_POLICY_NOT_ALLOWLISTED");
    }

    #[test]
    fn q5_q6_q7_groups() {
        check_group("open", &[], &[], "allow GROUP_POLICY_ALLOWED");
        check_group("disabled", &["*"], &["*"], "block GROUP_POLICY_DISABLED");
        check_group("allowlist", &[], &[], "block GROUP_POLICY_EMPTY_ALLOWLIST");
        check_group("allowlist", &[" "], &[""], "block GROUP_POLICY_EMPTY_ALLOWLIST");
        check_group("allowlist", &["+15551234567"], &[], "allow GROUP_POLICY_ALLOWED");
        check_group("allowlist", &["+15551234567"], &["+15551234568"], "block GROUP_POLICY_NOT_ALLOWLISTED");
        check_group("allowlist", &[], &["+15551234567"], "allow GROUP_POLICY_ALLOWED");
        check_group("allowlist", &[], &["signal:group:aGVsbG8="], "allow GROUP_POLICY_ALLOWED");
        check_group("allowlist", &[], &["group:AGVSBG8="], "block GROUP_POLICY_NOT_ALLOWLISTED");
        check_group("allowlist", &[], &["aGVsbG8="], "block GROUP_POLICY_NOT_ALLOWLISTED");
        check_group("allowlist", &[], &["*"], "allow GROUP_POLICY_ALLOWED");
    }

    #[test]
    fn a163_a_sender_cannot_name_itself_into_a_list() {
        let rules = rules("allowlist", &["group:g", "+15551234567"], "allowlist", &[]);
        for id in ["*", "group:g", "signal:group:g", "", " "] {
            let sender =
                Sender { id, aliases: &["*".to_owned(), String::new()], conversation_id: "h", is_group: false };
            assert!(!admit(&rules, &sender).allowed, "{id}");
        }
    }

    #[test]
    fn policies_are_read_or_refused() {
        let pairing = DmPolicy::parse("pairing").map_err(|error| error.to_string());
        let message = "`pairing` is not supported by Creel: use `allowlist` and list the senders in `allowFrom`";
        assert_eq!(pairing, Err(message.to_owned()));
        assert_eq!(DmPolicy::parse("Open"), Err(BadPolicy::Unknown));
        assert_eq!(GroupPolicy::parse(""), Err(BadPolicy::Unknown));
    }
}

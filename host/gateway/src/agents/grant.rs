//! What the command line says of a grant, put together: a file, what was before, and the options over both. What a
//! grant means is `creel_policy::agent`'s to say.

use std::path::Path;

use creel_policy::agent::AgentGrant;

use super::AgentsError;
use crate::boot::read_bounded;
use crate::cli::{GrantArgs, Setting, User};
use crate::process::Process;

/// Where the users of this machine stand.
const USERS_FILE: &str = "/etc/passwd";

/// The grant that comes of it: the file's, else what was before, else an empty one, with the options over it.
///
/// # Errors
///
/// [`AgentsError`] where the file, an option, or what comes of them is no grant.
pub(super) fn build(
    args: &GrantArgs,
    before: Option<AgentGrant>,
    process: &Process,
    now_ms: u64,
) -> Result<AgentGrant, AgentsError> {
    let mut grant = match &args.grant {
        Some(path) => of_file(path, process)?,
        None => before.unwrap_or_default(),
    };
    put_list("--models", &args.models, &mut grant.models)?;
    put_list("--needs", &args.needs, &mut grant.needs)?;
    put_list("--media", &args.media, &mut grant.media)?;
    put_list("--sessions", &args.sessions, &mut grant.sessions)?;
    put_list("--channels", &args.channels, &mut grant.channels)?;
    put(args.requests_per_minute, &mut grant.limits.requests_per_minute);
    put(args.tokens_per_minute, &mut grant.limits.tokens_per_minute);
    put(args.tokens_per_day, &mut grant.limits.tokens_per_day);
    put(args.usd_per_day, &mut grant.limits.micro_usd_per_day);
    put(args.concurrency, &mut grant.limits.concurrency);
    let expires = args.expires.map(|setting| match setting {
        Setting::Nothing => Setting::Nothing,
        Setting::To(ms) => Setting::To(now_ms.saturating_add(ms)),
    });
    put(expires, &mut grant.expires_ms);
    if let Some(user) = &args.unix_user {
        grant.unix_user = match user {
            Setting::Nothing => None,
            Setting::To(User::Id(uid)) => Some(*uid),
            Setting::To(User::Name(name)) => Some(user_id(name)?),
        };
    }
    // The bounds of numbers and lists are those of the file, and are judged in one place.
    AgentGrant::parse("grant", &grant.to_json().to_string()).map_err(AgentsError::Grant)
}

fn of_file(path: &Path, process: &Process) -> Result<AgentGrant, AgentsError> {
    let from_here = process.current_directory.as_ref().map_or_else(|| path.to_owned(), |current| current.join(path));
    let failed = |source| AgentsError::ReadGrant { path: path.to_owned(), source };
    let text = read_bounded(&from_here).map_err(failed)?;
    AgentGrant::parse(&path.display().to_string(), &text).map_err(AgentsError::Grant)
}

/// Puts a list in place of another; `none` stands alone.
fn put_list<T: Clone, L: FromIterator<T>>(
    option: &'static str,
    said: &Option<Vec<Setting<T>>>,
    list: &mut L,
) -> Result<(), AgentsError> {
    let Some(said) = said else { return Ok(()) };
    let values = said.iter().filter_map(|setting| match setting {
        Setting::Nothing => None,
        Setting::To(value) => Some(value.clone()),
    });
    let values: Vec<T> = values.collect();
    if values.len() < said.len() && said.len() > 1 {
        return Err(AgentsError::NoneAndMore { option });
    }
    *list = values.into_iter().collect();
    Ok(())
}

fn put<T>(said: Option<Setting<T>>, value: &mut Option<T>) {
    match said {
        None => {}
        Some(Setting::Nothing) => *value = None,
        Some(Setting::To(said)) => *value = Some(said),
    }
}

/// The number of a user, by the file alone: other directories of users are asked by other programs.
fn user_id(name: &str) -> Result<u32, AgentsError> {
    let users = read_bounded(Path::new(USERS_FILE)).map_err(AgentsError::Users)?;
    user_id_in(&users, name).ok_or_else(|| AgentsError::NoUser { name: name.to_owned() })
}

fn user_id_in(users: &str, name: &str) -> Option<u32> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_him = fields.next() == Some(name);
        // The second field was once the password.
        fields.nth(1).filter(|_| is_him)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::*;
    use crate::cli::AddAgentArgs;

    const NOW_MS: u64 = 1_000;

    /// The grant that comes of a command line, or why there is none.
    fn check(options: &[&str], before: &str, expect: &str) {
        let command = AddAgentCommand::command().no_binary_name(true);
        let matches = command.try_get_matches_from([&["one"], options].concat()).expect("a command line");
        let args = AddAgentCommand::from_arg_matches(&matches).expect("its arguments").args;
        let before = AgentGrant::parse("before", before).expect("a grant");
        let built = build(&args.grant, Some(before), &Process::ambient(), NOW_MS);
        let said = built.map_or_else(
            |error| error.problems().first().map_or_else(|| error.to_string(), ToString::to_string),
            |grant| grant.to_json().to_string(),
        );
        assert_eq!(said, expect, "{options:?}");
    }

    #[derive(clap::Parser)]
    struct AddAgentCommand {
        #[command(flatten)]
        args: AddAgentArgs,
    }

    #[test]
    fn what_is_not_named_stays_and_none_takes_away() {
        let before = r#"{"models":["fast"],"needs":["image"],"tokensPerDay":9,"expires":5,"unixUser":7}"#;
        check(&[], before, before);
        check(&["--models", "a/*,b/c"], r#"{"models":["x"]}"#, r#"{"models":["a/*","b/c"]}"#);
        check(
            &["--models", "none", "--unix-user", "none", "--expires", "none", "--needs", "none"],
            before,
            r#"{"tokensPerDay":9}"#,
        );
        check(&["--tokens-per-day", "none", "--usd-per-day", "2.5"], r#"{"tokensPerDay":9}"#, r#"{"usdPerDay":2.5}"#);
        check(&["--expires", "1s", "--unix-user", "0"], "{}", r#"{"expires":2000,"unixUser":0}"#);
        check(
            &["--media", "outbound", "--sessions", "signal:*", "--channels", "signal:+1"],
            "{}",
            r#"{"media":["outbound"],"sessions":["signal:*"],"channels":["signal:+1"]}"#,
        );
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        check(&["--models", "none,a"], "{}", "`--models` says `none` and something else");
        check(&["--concurrency", "0"], "{}", "grant:1:16: concurrency: expected a whole number from 1 to 4096");
        check(&["--unix-user", "no such user"], "{}", "there is no user `no such user` in `/etc/passwd`");
        check(&["--grant", "/nowhere/grant.json"], "{}", "could not read the grant `/nowhere/grant.json`");
    }

    #[test]
    fn a_user_is_found_by_his_name() {
        let users = "root:x:0:0:root:/root:/bin/bash\nal:x:1000:1000::/home/al:/bin/sh\nbad:x:y:1::/:/\n+::::::\n";
        for (name, expect) in
            [("root", Some(0)), ("al", Some(1000)), ("a", None), ("bad", None), ("x", None), ("", None)]
        {
            assert_eq!(user_id_in(users, name), expect, "{name}");
        }
    }
}

//! A table of keys and where their sessions go on.

use super::*;

const UUID: &str = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

#[track_caller]
fn check(key: &str, entry: &str, expect: &str) {
    let text = format!("{{{key:?}: {{\"sessionId\": \"s\", {entry}}}}}").replace(", }", "}");
    let sessions = read_sessions(SourceFile { name: "sessions.json", text: &text });
    let sessions = sessions.unwrap_or_else(|problem| panic!("{problem}"));
    let said = sessions.iter().map(|session| match &session.target {
        Ok(target) => {
            format!("{} {} {}", target.agent, target.session, if target.is_group { "group" } else { "direct" })
        }
        Err(reason) => (*reason).to_owned(),
    });
    assert_eq!(said.collect::<Vec<_>>(), [expect], "{key}");
}

#[test]
fn direct_conversations() {
    check("agent:main:signal:direct:+15550001111", "", "main signal:+15550001111 direct");
    check("agent:ops:signal:dm:+15550001111", "", "ops signal:+15550001111 direct");
    check("agent:main:signal:default:direct:+15550001111", "", "main signal:+15550001111 direct");
    check("signal:dm:+15550001111", "", "main signal:+15550001111 direct");
    check(&format!("agent:main:signal:direct:uuid:{UUID}"), "", &format!("main signal:uuid:{UUID} direct"));
    check(&format!("agent:main:signal:direct:{UUID}"), "", &format!("main signal:uuid:{UUID} direct"));
    check(
        "agent:main:direct:+15550001111",
        "\"lastChannel\": \"signal\", \"lastTo\": \"x\"",
        "main signal:+15550001111 direct",
    );
    check("agent:main:direct:+15550001111", "", "nothing says which channel it was");
    check("agent:main:signal:direct:alice", "", "it names nobody that Signal knows");
    check("agent:main:signal:direct:+1555000x111", "", "it names nobody that Signal knows");
    check("agent:main:signal:work:direct:+15550001111", "", "it is of a second account of its channel");
    check("agent:main:telegram:direct:12345", "", "its channel has no plugin here");
}

#[test]
fn the_shared_session_goes_where_it_was_heard_last() {
    let route = "\"deliveryContext\": {\"channel\": \"signal\", \"to\": \"signal:+15550001111\"}";
    check("agent:main:main", route, "main signal:+15550001111 direct");
    check("main", "\"lastChannel\": \"signal\", \"lastTo\": \"+15550001111\"", "main signal:+15550001111 direct");
    check("agent:main:main", "\"lastChannel\": \"webchat\", \"lastTo\": \"x\"", "its channel has no plugin here");
    check(
        "agent:main:main",
        "\"lastChannel\": \"signal\", \"lastTo\": \"group:AbC=\"",
        "it names nobody that Signal knows",
    );
    check("agent:main:main", "", "nothing says which conversation it was");
}

#[test]
fn the_id_of_a_group_is_not_in_lower_case() {
    let lost = "its key has lost the upper case of the group's id, and nothing else holds it";
    check("agent:main:signal:group:abc/+1=", "\"lastTo\": \"group:AbC/+1=\"", "main signal:group:AbC/+1= group");
    check(
        "agent:main:signal:group:abc=",
        "\"origin\": {\"from\": \"signal:group:aBc=\"}",
        "main signal:group:aBc= group",
    );
    check("agent:main:signal:group:abc=", "\"lastTo\": \"group:AbD=\"", lost);
    check("agent:main:signal:group:abc=", "", lost);
    check("agent:main:signal:group:1234", "", "main signal:group:1234 group");
    check("agent:main:signal:group:", "", "it names no group that Signal knows");
    check("agent:main:signal:group:1:thread:2", "", lost);
}

#[test]
fn what_is_no_conversation_goes_nowhere() {
    let nowhere = "it is no conversation of a channel";
    check("agent:main:cron:job", "", nowhere);
    check("agent:main:subagent:x", "", nowhere);
    check("hook:x", "", nowhere);
    check("agent:main:discord:channel:1", "", "its channel has no plugin here");
    check("agent:main:signal:odd:1", "", "its key says no conversation that Creel knows");
    check("agent:Main:main", "", "its agent has a name that Creel does not take");
    check("agent:main", "", "its key is malformed");
}

#[test]
fn a_transcript_is_a_plain_name() {
    let check = |entry: &str, expect: Option<&str>| {
        let text = format!("{{\"main\": {entry}}}");
        let sessions = read_sessions(SourceFile { name: "sessions.json", text: &text });
        let sessions = sessions.unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(sessions.first().map(|session| session.transcript.as_str()), expect, "{entry}");
    };
    check("{\"sessionId\": \"s\"}", Some("s.jsonl"));
    check("{\"sessionId\": \"s\", \"sessionFile\": \"/home/me/sessions/s-topic-1.jsonl\"}", Some("s-topic-1.jsonl"));
    check("{\"sessionId\": \"../s\"}", None);
    check("{\"sessionFile\": \"/etc/passwd\"}", None);
    check("{\"sessionFile\": \"/x/..jsonl\"}", None);
    check("{}", None);
    check("7", None);
    for text in ["", "[]", "{\"a\": }"] {
        assert!(read_sessions(SourceFile { name: "sessions.json", text }).is_err(), "{text}");
    }
}

//! Everything that the program is told and asked while it runs: by Alice, by an upstream that sends back what it got, and by
//! the operator.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_fakes::anthropic::error;
use creel_fakes::{Answer, pictures};
use creel_tests::house::Fakes;
use creel_tests::scene::{alice, alice_shows};
use creel_tests::search::{Written, spellings};

use crate::place::{CONFIG_KEY, Daemon, EXEC_KEY, FILE_KEY, HEADER_VALUE, PLAIN_HEADER, PROFILE_KEY, Place, VAULT_KEY};

/// Messages after which each of four credentials was refused or taken.
const MESSAGES_MAX: usize = 6;

/// What an upstream says that sends back what it got: in the body as it is and in base64, and in a header.
pub(crate) fn echo(status: u16, kind: &str, key: &str) -> Answer {
    let spelled: Vec<_> =
        [key, HEADER_VALUE, PLAIN_HEADER].into_iter().flat_map(|secret| spellings(secret.as_bytes())).collect();
    let spelled: Vec<_> = spelled.into_iter().filter_map(|(_, text)| String::from_utf8(text).ok()).collect();
    error(status, kind, &format!("invalid x-api-key: {}", spelled.join(" ")))
        .header("x-you-sent", key)
        .header("x-you-sent-too", HEADER_VALUE)
        .header("www-authenticate", &format!("Basic realm=\"{}\"", STANDARD.encode(key)))
}

/// Alice writes, and the upstream sends back what it got, whatever it answers.
pub(crate) async fn converse(fakes: &Fakes) {
    for key in [VAULT_KEY, FILE_KEY, EXEC_KEY] {
        fakes.anthropic.script(echo(401, "authentication_error", key));
    }
    let mut told = 0;
    for _ in 0..MESSAGES_MAX {
        say(fakes, &mut told, &alice().saying("what is your key?")).await;
        if fakes.anthropic.requests().len() > 3 {
            break;
        }
    }
    let keys: Vec<_> =
        fakes.anthropic.requests().iter().filter_map(|one| one.header("x-api-key").map(str::to_owned)).collect();
    assert_eq!(keys, [VAULT_KEY, FILE_KEY, EXEC_KEY, PROFILE_KEY], "each was on the wire");
    assert!(fakes.anthropic.requests().iter().all(|one| one.header("x-org") == Some(HEADER_VALUE)));
    assert!(fakes.anthropic.requests().iter().all(|one| one.header("x-team") == Some(PLAIN_HEADER)));
    say(fakes, &mut told, &alice_shows(&pictures::jpeg(), "what is this?")).await;
    fakes.anthropic.script(echo(400, "invalid_request_error", PROFILE_KEY));
    say(fakes, &mut told, &alice().saying("and now?")).await;
    let page = format!("<html><h1>{PROFILE_KEY}</h1>{HEADER_VALUE} {}</html>", STANDARD.encode(PROFILE_KEY));
    fakes
        .anthropic
        .script(Answer::text(403, "text/html", page.clone()).header("location", &format!("/?key={PROFILE_KEY}")));
    say(fakes, &mut told, &alice().saying("and then?")).await;
    fakes.anthropic.script(Answer::text(200, "text/html", page).header("x-you-sent", PROFILE_KEY));
    say(fakes, &mut told, &alice().saying("at last?")).await;
}

async fn say(fakes: &Fakes, told: &mut usize, message: &creel_fakes::signal::Message) {
    *told += 1;
    fakes.signal.receive(message).expect("received");
    fakes.signal.wait_for_sent(*told).await.expect("a reply");
}

/// Everything that an operator can ask.
pub(crate) fn interrogate(place: &Place, daemon: &Daemon, written: &mut Vec<Written>) {
    for args in [
        "models status",
        "models status --json",
        "models status --probe --json",
        "models status --probe --check",
        "explain auth anthropic --json",
        "explain auth anthropic --for image",
        "explain auth ollama --json",
        "explain auth anthropic --compare-shell",
        "explain auth anthropic --compare-shell --json",
        "explain auth anthropic --profile anthropic:vault --json",
        "explain auth anthropic --profile anthropic:none",
        "explain route --json",
        "explain egress anthropic POST http://example.com/ --json",
        "plugin list --json",
        "secrets list",
        "secrets list --json",
        "secrets audit",
        "secrets audit --json",
        "secrets audit --check",
        "reload --json",
        "reload",
    ] {
        let args: Vec<_> = args.split(' ').collect();
        let output = place.run(&args, "", written);
        assert!(!output.is_empty() || args[0] == "reload", "{args:?}");
    }
    let status = place.admin(("GET", "/v1/status"), written);
    assert!(status.starts_with("HTTP/1.1 200 ") && status.contains("anthropic:vault"), "{status}");
    for target in
        ["/v1/plugins", "/v1/secrets/audit", "/v1/explain/auth?provider=anthropic", "/v1/explain/auth", "/none"]
    {
        place.admin(("GET", target), written);
    }
    place.admin(("POST", "/v1/probe"), written);
    written.extend([daemon.health(&daemon.address), daemon.health("evil.example")]);
    assert!(written.last().is_some_and(|(_, answer)| answer.starts_with(b"HTTP/1.1 403 ")));
}

/// Files that are not valid, with secrets in the wrong places: errors show where, and never what.
pub(crate) fn mislead(place: &Place, fakes: &Fakes, written: &mut Vec<Written>) {
    let good = place.config(fakes);
    let broken = [
        format!("{{ {CONFIG_KEY:?}: 1 "),
        good.replace("apiKey", "apiKy"),
        good.replace(&format!("\"apiKey\":\"{CONFIG_KEY}\""), &format!("\"apiKey\":[\"{CONFIG_KEY}\"]")),
        good.replace("\"source\":\"exec\"", &format!("\"source\":\"exec\",\"timeoutMs\":{:?}", EXEC_KEY)),
        good.replace("\"x-team\":", "\"x team\":"),
    ];
    for config in broken {
        assert_ne!(config, good);
        place.configure(&config);
        for command in ["reload", "models status", "secrets audit"] {
            let output = place.run(&command.split(' ').collect::<Vec<_>>(), "", written);
            let is_refused = output.contains("error:") || output.contains("problem:");
            assert!(is_refused || command != "reload", "{command}: {output}");
        }
    }
    place.configure(&good);
}

//! Tables of findings. Those that need the resolver are told with it, through the program, in the gateway's tests.

use super::*;
use crate::ids::ProfileId;

fn check(kind: TextKind<'_>, text: &str, expect: &[&str]) {
    let found = of_text("f", text, kind);
    let line = |one: &Finding| {
        format!("{} {} {}:{} {}", one.code.as_str(), one.severity.as_str(), one.line, one.column, one.key)
    };
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expect, "{text}");
    assert!(found.iter().all(|one| !one.message.contains("hunter") && !one.hint.contains("hunter")), "{text}");
}

#[test]
fn secrets_in_a_configuration_and_near_misses() {
    let ids = [ProfileId::parse("zai:a").expect("an id")];
    let config = TextKind::Config(&ids);
    check(config, "{ gateway: { auth: { token: 'hunter2' } } }", &["PLAINTEXT_FOUND warn 1:29 gateway.auth.token"]);
    check(config, "{ channels: { x: { botToken: 'hunter2' } } }", &["PLAINTEXT_FOUND error 1:30 channels.x.botToken"]);
    let headers = "{ models: { providers: { a: { headers: { 'x-any': 'hunter2' } } } } }";
    check(config, headers, &["PLAINTEXT_FOUND warn 1:51 models.providers.a.headers.x-any"]);
    let exec = "{ secrets: { providers: { e: { source: 'exec', env: { ANY: 'hunter2' } } } } }";
    check(config, exec, &["PLAINTEXT_FOUND warn 1:60 secrets.providers.e.env.ANY"]);
    check(config, "{ logging: { level: 'sk-hunter2-hunter2' } }", &["PLAINTEXT_FOUND warn 1:21 logging.level"]);
    check(config, "{ a: { apiKey: '__env__:NAME' } }", &["LEGACY_RESIDUE warn 1:16 a.apiKey"]);
    check(config, "{ a: { apiKey: 'OPENAI_API_KEY' } }", &["LEGACY_RESIDUE info 1:16 a.apiKey"]);
    for text in [
        "{ a: { apiKey: '${NAME}' } }",
        "{ a: { apiKey: 'ollama-local' } }",
        "{ a: { apiKey: 'zai:a' } }",
        "{ a: { apiKey: { source: 'env', provider: 'default', id: 'NAME' } } }",
        "{ a: { maxTokens: 1000, model: 'anthropic/claude-haiku-4-5-20251001' } }",
    ] {
        check(config, text, &[]);
    }
}

#[test]
fn secrets_in_profiles_and_in_files_that_nobody_reads() {
    let oauth = "{ profiles: { a: { type: 'oauth', access: 'hunter2', refresh: 'hunter3', expires: 1 } } }";
    let expect = ["PLAINTEXT_FOUND info 1:43 profiles.a.access", "PLAINTEXT_FOUND info 1:63 profiles.a.refresh"];
    check(TextKind::Profiles, oauth, &expect);
    check(TextKind::Profiles, "{ profiles: { a: { key: 'hunter2' } } }", &["PLAINTEXT_FOUND warn 1:25 profiles.a.key"]);
    let beside = "{ profiles: { a: { key: 'hunter2', keyRef: { source: 'env', id: 'A' } } } }";
    check(TextKind::Profiles, beside, &["LEGACY_RESIDUE warn 1:25 profiles.a.key"]);
    check(
        TextKind::Profiles,
        "{ profiles: { a: { key: 'hunter2', keyRef: null } } }",
        &["PLAINTEXT_FOUND warn 1:25 profiles.a.key"],
    );
    let lines = "# KEY=hunter1\nexport A_TOKEN='hunter2'\nPATH=/bin\nB_KEY=${OTHER}\n";
    check(TextKind::Unread, lines, &["LEGACY_RESIDUE warn 2:1 A_TOKEN"]);
}

#[test]
fn modes_and_owners() {
    let check = |kind, mode, owner, expect: &[&str]| {
        let found = of_files(&[FileFact { name: "/s/f".into(), kind, mode, owner }], 1000);
        let line = |one: &Finding| format!("{} {}: {}", one.severity.as_str(), one.message, one.hint);
        assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expect, "{kind:?} {mode:o} {owner}");
    };
    check(FileKind::Directory, 0o700, 1000, &[]);
    check(FileKind::Directory, 0o750, 1000, &["info others can look into it (mode 0750): run `chmod 700 /s/f`"]);
    check(FileKind::Directory, 0o770, 1000, &["error others can put files into it (mode 0770): run `chmod 700 /s/f`"]);
    check(FileKind::Secret, 0o600, 1000, &[]);
    check(FileKind::Secret, 0o400, 1000, &[]);
    let read = "error it holds secrets, and others can read it (mode 0604): run `chmod 600 /s/f`";
    check(FileKind::Secret, 0o604, 1000, &[read]);
    let write = "error it holds secrets, and others can write it (mode 0620): run `chmod 600 /s/f`";
    check(FileKind::Secret, 0o620, 1000, &[write]);
    check(FileKind::Guarded, 0o600, 1000, &[]);
    let guarded = "error Creel refuses it, since others can read or write it (mode 0644): run `chmod 600 /s/f`";
    check(FileKind::Guarded, 0o644, 1000, &[guarded]);
    check(FileKind::Rules, 0o644, 1000, &[]);
    check(
        FileKind::Rules,
        0o646,
        1000,
        &["error Creel goes by it, and others can write it (mode 0646): run `chmod go-w /s/f`"],
    );
    check(FileKind::Rules, 0o644, 0, &[]);
    let foreign = "error belongs to user 0, not to user 1000 that creel runs as: run `chown 1000 /s/f` as root";
    check(FileKind::Secret, 0o600, 0, &[foreign]);
}

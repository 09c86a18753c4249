//! Tests of `media`, `tools.fs` and `agents.defaults.workspace`; cases J8 and J24 of the older gateway.

use super::*;
use crate::config::{Config, parse_config};
use crate::problem::Problem;

fn read(text: &str) -> Result<Config, Vec<String>> {
    let said = |problem: &Problem| match &problem.hint {
        Some(hint) => format!("{problem} | {hint}"),
        None => problem.to_string(),
    };
    parse_config("creel.json5", text).map_err(|problems| problems.iter().map(said).collect())
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    let said = read(text).err().unwrap_or_default();
    assert_eq!(said, expect, "{text}");
}

#[test]
fn everything_can_be_said_and_nothing_has_to_be() {
    assert_eq!(read("{}").unwrap().media, MediaConfig::default());
    let config = read(
        "{ media: { ttlHours: 48, sessionIdleHours: 24, maxMb: { image: 6 }, quotaMb: { inbound: 10, workspace: 1 },
            roots: [{ name: 'photos', path: '/mnt/./photos/', mode: 'read' }, { name: 'home', path: '~/pictures' }],
            urls: { hosts: ['*.example.com'], private: ['http://10.0.0.5:8000'] }, pictures: { removeLocation: false } },
          tools: { fs: { workspaceOnly: true } }, agents: { defaults: { workspace: '~/work' } } }",
    )
    .unwrap();
    let media = &config.media;
    assert_eq!((media.ttl_ms, media.session_idle_ms), (Some(172_800_000), 86_400_000));
    assert_eq!((media.bytes_max.of(MediaKind::Image), media.bytes_max.of(MediaKind::Audio)), (6 << 20, 100 << 20));
    assert_eq!((media.quotas.inbound, media.quotas.outbound, media.quotas.workspace), (10 << 20, 20 << 30, 1 << 20));
    let roots: Vec<_> = media.roots.iter().map(|root| (root.name.as_str(), root.path.as_str())).collect();
    assert_eq!(roots, [("photos", "/mnt/photos"), ("home", "~/pictures")]);
    assert_eq!(media.pictures, PictureCare { remove_location: false, ..PictureCare::default() });
    assert_eq!(media.pictures.plugin.as_str(), "media-tools");
    assert!(media.urls.judge("http://10.0.0.5:8000/a").is_ok() && media.urls.judge("https://example.com/a").is_err());
    assert_eq!((config.workspace_only, config.defaults.workspace.as_deref()), (true, Some("~/work")));
}

#[test]
fn j8_j24_a_root_is_one_narrow_place() {
    let with = |path: &str| format!("{{ media: {{ roots: [{{ name: 'a', path: '{path}' }}] }} }}");
    let at = "creel.json5:1:39: media.roots[0].path: must";
    for (path, rule) in [
        ("/", "not be the root of the file system: pass a narrower directory"),
        ("/./", "not be the root of the file system: pass a narrower directory"),
        ("~/", "not be the whole home directory: pass a narrower directory"),
        ("./a", "be an absolute path, or one that begins with `~/`"),
        ("a", "be an absolute path, or one that begins with `~/`"),
        ("~other/a", "be an absolute path, or one that begins with `~/`"),
        ("//server/share", "not be a network path"),
        ("/Users/*/Library", "be one place: patterns do not exist here"),
        ("/Users/**/A", "be one place: patterns do not exist here"),
        ("/a/../b", "be a path without `..`"),
        ("/proc/self", "not lie in a file system of the kernel"),
    ] {
        check(&with(path), &[&format!("{at} {rule}")]);
    }
    assert_eq!(read(&with("/Volumes/x")).unwrap().media.roots[0].path, "/Volumes/x");
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    check(
        "{ media: { ttlHour: 1 } }",
        &["creel.json5:1:12: media.ttlHour: unknown key `ttlHour` | did you mean `ttlHours`?"],
    );
    check(
        "{ media: { roots: [{ name: 'a', path: '/a', mode: 'write' }] } }",
        &[
            "creel.json5:1:51: media.roots[0].mode: `write` is not supported by Creel | write `read`: Creel never writes into \
           a directory of yours",
        ],
    );
    check(
        "{ media: { roots: [{ name: 'a', path: '/a' }, { name: 'a', path: '/b' }, { name: 'inbound', path: '/c' }] } }",
        &[
            "creel.json5:1:10: media: `roots` has two of the name `a`, or it is that of an area",
            "creel.json5:1:10: media: `roots` has two of the name `inbound`, or it is that of an area",
        ],
    );
    check(
        "{ media: { roots: [{ path: '/a' }], maxMb: { image: 101 } } }",
        &[
            "creel.json5:1:20: media.roots[0]: the root has no `name`",
            "creel.json5:1:53: media.maxMb.image: expected a whole number from 1 to 100",
        ],
    );
    check(
        "{ media: { urls: { hosts: ['https://a.com'], private: ['ftp://a'] } } }",
        &[
            "creel.json5:1:28: media.urls.hosts[0]: expected a host like `img.example.com` or `*.example.com`, without \
             scheme, port or path",
            "creel.json5:1:56: media.urls.private[0]: the scheme must be `http` or `https`",
        ],
    );
    check(
        "{ attachments: { ttlHours: 1 } }",
        &["creel.json5:1:3: attachments: not supported by Creel | write `media.ttlHours`"],
    );
}

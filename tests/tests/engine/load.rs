//! What is not a sound plugin is refused with a reason that names it, and the other plugins load.

use creel_engine::{Kind, LoadError, Plugin};
use creel_policy::limits::COMPONENT_BYTES_MAX;
use creel_tests::components::{guest, section, with_manifest};
use creel_tests::rig::{Rig, saying};
use wasm_encoder::{Component, ComponentExportKind, ComponentExportSection, ComponentInstanceSection, Module};

fn check(bytes: &[u8], expect: &str) {
    let refused = Plugin::load(&Rig::new().engine, bytes).expect_err("the component is refused");
    assert_eq!(refused.to_string(), expect);
}

/// A component without code that exports empty instances under these names.
fn exporting(names: &[&str]) -> Vec<u8> {
    let (mut component, mut instances) = (Component::new(), ComponentInstanceSection::new());
    instances.export_items([] as [(&str, ComponentExportKind, u32); 0]);
    component.section(&instances);
    let mut exports = ComponentExportSection::new();
    for name in names {
        exports.export(*name, ComponentExportKind::Instance, 0, None);
    }
    component.section(&exports);
    with_manifest(&component.finish(), Some(manifest()))
}

fn manifest() -> &'static str {
    "[plugin]\nid = \"made-up\"\nversion = \"0.1.0\"\ninterface = \"creel:plugin@0.1\"\nsummary = \"made up\"\n\
     [provider]\napis = [\"made-up\"]\nkeyless = true\n\
     [[models]]\nid = \"any\"\ninput = [\"text\"]\n"
}

#[test]
fn what_is_no_component() {
    check(b"", "the file is not a sound WebAssembly component: unexpected end-of-file (at offset 0x0)");
    check(
        b"MZ\x90\x00\x03\x00\x00\x00",
        "the file is not a sound WebAssembly component: magic header not detected: bad magic number - expected=[\n    0x0,\n    0x61,\n    0x73,\n    0x6d,\n] actual=[\n    0x4d,\n    0x5a,\n    0x90,\n    0x0,\n] (at offset 0x0)",
    );
    let module = Module::new().finish();
    check(
        &module,
        "the file is not a sound WebAssembly component: it is a core module; build it with `creel plugin build`",
    );
}

#[test]
fn a_component_that_was_cut_off_anywhere_is_refused_without_a_panic() {
    let (rig, whole) = (Rig::new(), guest("trap"));
    let steps = (0..whole.len()).step_by(997).chain(whole.len() - 40..whole.len());
    for length in steps {
        assert!(Plugin::load(&rig.engine, &whole[..length]).is_err(), "cut off after {length} bytes");
    }
}

#[test]
fn chance_is_no_component() {
    // 148: bytes without sense, and with a header that promises a component.
    let (rig, mut state) = (Rig::new(), 0x9e37_79b9_7f4a_7c15_u64);
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    for round in 0..400_usize {
        let header: &[u8] = if round % 2 == 0 { b"" } else { b"\0asm\x0d\0\x01\0" };
        let bytes = [header, &(0..1 + round * 7).map(|_| byte()).collect::<Vec<_>>()].concat();
        let refused = Plugin::load(&rig.engine, &bytes);
        assert!(matches!(refused, Err(LoadError::NotAComponent { .. } | LoadError::NoManifest)), "{refused:?}");
    }
}

#[test]
fn a_component_that_is_too_large() {
    let bytes = COMPONENT_BYTES_MAX + 1;
    let refused = LoadError::TooLarge { bytes };
    let expect = format!("the component has {bytes} bytes, more than {COMPONENT_BYTES_MAX}");
    assert_eq!(refused.to_string(), expect);
    check(&vec![0; usize::try_from(bytes).expect("fits")], &expect);
}

#[test]
fn a_component_whose_manifest_is_not_there_or_not_one() {
    let trap = guest("trap");
    let none = "the component holds no manifest: build it with `creel plugin build`, which puts `plugin.toml` into it";
    check(&with_manifest(&trap, None), none);
    let twice = [trap.clone(), section("creel:manifest", b"[plugin]")].concat();
    check(&twice, "the file is not a sound WebAssembly component: it holds more than one manifest");
    let binary = [with_manifest(&trap, None), section("creel:manifest", b"\xff\xfe")].concat();
    check(&binary, "the file is not a sound WebAssembly component: its manifest is not UTF-8");
    let refused = Plugin::load(&Rig::new().engine, &with_manifest(&trap, Some("[plugin]\nid = \"Trap!\"\n")));
    let Err(LoadError::BadManifest { detail }) = refused else { unexpected(&format!("{refused:?}")) };
    assert!(detail.contains("version") && detail.contains("interface"), "every problem is told: {detail}");
}

#[test]
fn what_exports_no_interface_of_ours_or_two_or_another_version() {
    let none = "the component exports none of Creel's interfaces, but a plugin exports exactly one of \
                `creel:plugin/chat-provider@0.1.0`, `creel:plugin/channel@0.1.0` and \
                `creel:plugin/picture-tools@0.1.0`, and beside the first at most `creel:plugin/model-catalog@0.1.0`, \
                `creel:plugin/embedding-provider@0.1.0` and `creel:plugin/token-counter@0.1.0`";
    let found = |names: &str| none.replace("none of Creel's interfaces", names);
    check(&exporting(&[]), none);
    let both = exporting(&["creel:plugin/chat-provider@0.1.0", "creel:plugin/channel@0.1.0"]);
    check(&both, &found("`creel:plugin/channel@0.1.0`, `creel:plugin/chat-provider@0.1.0`"));
    let tools = "creel:plugin/picture-tools@0.1.0";
    let both = exporting(&["creel:plugin/chat-provider@0.1.0", tools]);
    check(&both, &found(&format!("`creel:plugin/chat-provider@0.1.0`, `{tools}`")));
    check(&exporting(&["creel:plugin/oracle@0.1.0"]), &found("`creel:plugin/oracle@0.1.0`"));
    // A list of models stands beside a provider, and neither alone nor beside a channel.
    let catalog = "creel:plugin/model-catalog@0.1.0";
    check(&exporting(&[catalog]), &found(&format!("`{catalog}`")));
    let beside = exporting(&["creel:plugin/channel@0.1.0", catalog]);
    check(&beside, &found(&format!("`creel:plugin/channel@0.1.0`, `{catalog}`")));
    let other = exporting(&["creel:plugin/chat-provider@0.1.0", "creel:plugin/model-catalog@0.2.0"]);
    check(
        &other,
        &format!(
            "the component exports `creel:plugin/model-catalog@0.2.0`, but this host speaks `{catalog}`: rebuild it \
             against that version"
        ),
    );
    for found in ["creel:plugin/chat-provider@0.2.0", "creel:plugin/chat-provider@0.1.1"] {
        let expect = format!(
            "the component exports `{found}`, but this host speaks `creel:plugin/chat-provider@0.1.0`: \
             rebuild it against that version"
        );
        check(&exporting(&[found]), &expect);
    }
}

#[test]
fn picture_tools_ask_for_pictures_and_for_somewhere_to_write_them() {
    let component = exporting(&["creel:plugin/picture-tools@0.1.0"]);
    let refused = "the component exports `creel:plugin/picture-tools@0.1.0`, but its manifest does not ask for \
                   `media.read` and `media.write`";
    check(&component, refused);
    let asking = |media: &str| with_manifest(&component, Some(&format!("{}[media]\n{media}\n", manifest())));
    check(&asking("read = true"), refused);
    check(&asking("write = true"), refused);
    let both = Plugin::load(&Rig::new().engine, &asking("read = true\nwrite = true"));
    assert!(matches!(both, Err(LoadError::Types { .. })), "it is empty: {both:?}");
}

#[test]
fn an_export_of_another_type_is_refused() {
    let refused = Plugin::load(&Rig::new().engine, &exporting(&["creel:plugin/chat-provider@0.1.0"]));
    assert!(matches!(refused, Err(LoadError::Types { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_not_granted_is_named_and_the_others_load() {
    let rig = Rig::new();
    check(
        &guest("ungranted"),
        "the component imports `wasi:sockets/instance-network@0.2.6`, which Creel does not give to plugins",
    );
    let plugin = rig.load(&guest("trap"));
    assert_eq!((plugin.kind(), plugin.lists_models()), (Kind::Provider, false));
    assert_eq!(plugin.id().as_str(), "trap");
    assert_eq!(rig.call_of(plugin, &serde_json::json!({})).told(saying("hello")).await, "well behaved");
}

#[expect(clippy::panic, reason = "the test has failed")]
fn unexpected(what: &str) -> ! {
    panic!("unexpected: {what}")
}

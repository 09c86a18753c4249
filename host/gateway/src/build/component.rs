//! Whether what cargo built is a plugin: a component with the right exports. Whether it may run is judged by who loads
//! it.

use wasmparser::{Parser, Payload};

/// The interfaces that a plugin can export; it exports at least one of them, or the tools for pictures, and nothing
/// else.
const EXPORTS: [&str; 2] = ["creel:plugin/chat-provider@0.1.0", "creel:plugin/channel@0.1.0"];
/// What a provider can export beside.
const EXTRAS: [&str; 3] =
    ["creel:plugin/model-catalog@0.1.0", "creel:plugin/embedding-provider@0.1.0", "creel:plugin/token-counter@0.1.0"];

/// What a plugin exports alone.
const PICTURE_TOOLS: &str = "creel:plugin/picture-tools@0.1.0";

/// Why it is no plugin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComponentError {
    /// The compiler's linker wraps a module into a component; something else was built.
    #[error("it is a core module, not a component")]
    Module,
    /// Cut off, or no WebAssembly.
    #[error("it is no WebAssembly")]
    Malformed {
        /// What is wrong and where.
        #[source]
        source: wasmparser::BinaryReaderError,
    },
    /// The export macro was not called, or another version of the interface was bound.
    #[error("it exports none of `{}`, `{}` and `{PICTURE_TOOLS}`", EXPORTS[0], EXPORTS[1])]
    NoPlugin,
    /// Something that no host would call.
    #[error(
        "it exports `{name}`; a plugin exports `{}`, `{}` or both, beside the first also `{}`, `{}` and `{}`, or else \
         `{PICTURE_TOOLS}`, and nothing else",
        EXPORTS[0],
        EXPORTS[1],
        EXTRAS[0],
        EXTRAS[1],
        EXTRAS[2]
    )]
    OtherExport {
        /// Its name.
        name: String,
    },
}

/// Checks that these bytes are a component with the exports of a plugin.
///
/// # Errors
///
/// [`ComponentError`].
pub(crate) fn check(wasm: &[u8]) -> Result<(), ComponentError> {
    if Parser::is_core_wasm(wasm) {
        return Err(ComponentError::Module);
    }
    let exports = exports(wasm).map_err(|source| ComponentError::Malformed { source })?;
    if exports == [PICTURE_TOOLS] {
        return Ok(());
    }
    let is_provider = exports.contains(&EXPORTS[0]);
    let is_known = |name: &str| EXPORTS.contains(&name) || (is_provider && EXTRAS.contains(&name));
    if let Some(name) = exports.iter().find(|name| !is_known(name)) {
        return Err(ComponentError::OtherExport { name: (*name).to_owned() });
    }
    if exports.is_empty() { Err(ComponentError::NoPlugin) } else { Ok(()) }
}

/// The names that the outermost component exports.
fn exports(wasm: &[u8]) -> Result<Vec<&str>, wasmparser::BinaryReaderError> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.push(export?.name.name);
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{
        Component, ComponentExportKind, ComponentExportSection, ComponentTypeSection, InstanceType, Module,
        NestedComponentSection,
    };

    fn exporting(names: &[&str]) -> Component {
        let mut component = Component::new();
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        component.section(&types);
        let mut exports = ComponentExportSection::new();
        for name in names {
            exports.export(*name, ComponentExportKind::Type, 0, None);
        }
        component.section(&exports);
        component
    }

    fn says(wasm: &[u8], expect: &str) {
        let said = match check(wasm) {
            Ok(()) => "a plugin".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expect);
    }

    #[test]
    fn either_interface_or_both_make_a_plugin_and_so_do_tools_for_pictures() {
        says(&exporting(&["creel:plugin/chat-provider@0.1.0"]).finish(), "a plugin");
        says(&exporting(&["creel:plugin/channel@0.1.0"]).finish(), "a plugin");
        says(&exporting(&EXPORTS).finish(), "a plugin");
        says(&exporting(&[EXPORTS[0], EXTRAS[0], EXTRAS[1], EXTRAS[2]]).finish(), "a plugin");
        says(&exporting(&[PICTURE_TOOLS]).finish(), "a plugin");
    }

    #[test]
    fn a_near_miss_is_none() {
        let none = "it exports none of `creel:plugin/chat-provider@0.1.0`, `creel:plugin/channel@0.1.0` and \
                    `creel:plugin/picture-tools@0.1.0`";
        says(&Component::new().finish(), none);
        let mut nested = Component::new();
        nested.section(&NestedComponentSection(&exporting(&EXPORTS)));
        says(&nested.finish(), none);

        let other = |name| {
            format!(
                "it exports `{name}`; a plugin exports `creel:plugin/chat-provider@0.1.0`, \
                 `creel:plugin/channel@0.1.0` or both, beside the first also `creel:plugin/model-catalog@0.1.0`, \
                 `creel:plugin/embedding-provider@0.1.0` and `creel:plugin/token-counter@0.1.0`, or else \
                 `creel:plugin/picture-tools@0.1.0`, and nothing else"
            )
        };
        says(&exporting(&[EXTRAS[0]]).finish(), &other(EXTRAS[0]));
        says(&exporting(&[EXPORTS[1], EXTRAS[0]]).finish(), &other(EXTRAS[0]));
        says(&exporting(&[EXPORTS[0], PICTURE_TOOLS]).finish(), &other(PICTURE_TOOLS));
        for name in ["creel:plugin/chat-provider@0.2.0", "creel:plugin/log@0.1.0", "wasi:cli/run@0.2.6"] {
            says(&exporting(&[name]).finish(), &other(name));
            says(&exporting(&[EXPORTS[0], name]).finish(), &other(name));
        }
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        says(&Module::new().finish(), "it is a core module, not a component");
        says(b"", "it is no WebAssembly");
        says(b"MZ", "it is no WebAssembly");
        let whole = exporting(&EXPORTS).finish();
        says(&whole[..whole.len() - 3], "it is no WebAssembly");
    }
}

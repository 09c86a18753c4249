//! What a component says of itself, read without compiling or running it: its manifest, imports and exports.

use wasmparser::{Encoding, Parser, Payload};

use crate::load::LoadError;

/// The custom section that `creel plugin build` puts the manifest into.
pub(crate) const MANIFEST_SECTION: &str = "creel:manifest";

/// What a component says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The text of its `plugin.toml`.
    pub manifest: String,
    /// Names of what it imports, sorted.
    pub imports: Vec<String>,
    /// Names of what it exports, sorted.
    pub exports: Vec<String>,
}

/// Reads a component's own description.
///
/// # Errors
///
/// [`LoadError`] when the bytes are no component, are cut off, or hold no manifest.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, LoadError> {
    let malformed = |detail: String| LoadError::NotAComponent { detail };
    let mut manifest = None;
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| malformed(error.to_string()))? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding == Encoding::Module {
                    return Err(malformed("it is a core module; build it with `creel plugin build`".into()));
                }
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 1 && section.name() == MANIFEST_SECTION => {
                let text =
                    std::str::from_utf8(section.data()).map_err(|_| malformed("its manifest is not UTF-8".into()))?;
                if manifest.replace(text.to_owned()).is_some() {
                    return Err(malformed("it holds more than one manifest".into()));
                }
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let import = import.map_err(|error| malformed(error.to_string()))?;
                    imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let export = export.map_err(|error| malformed(error.to_string()))?;
                    exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    imports.sort();
    exports.sort();
    let manifest = manifest.ok_or(LoadError::NoManifest)?;
    Ok(Inspection { manifest, imports, exports })
}

//! Puts the manifest into a component: as one custom section of its outermost level, byte for byte. Neither compiles
//! nor validates anything; what a host reads there is in `creel_engine::inspect`.

use std::ops::Range;

/// The name of the section.
const NAME: &str = "creel:manifest";

/// `\0asm`, version 13, layer 1: a component, as wasm tools of the 0.2 age write it.
const COMPONENT_HEADER: [u8; 8] = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

/// The id of custom sections.
const CUSTOM: u8 = 0;

/// Why a component's sections cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SectionError {
    /// It begins otherwise: a core module, say, or text.
    #[error("the file does not begin as a component does")]
    NotComponent,
    /// A length or a name that leads out of the file.
    #[error("the section at byte {offset} is cut off")]
    CutOff {
        /// Where the section begins.
        offset: usize,
    },
}

/// The component with this manifest in it and no other. The same input gives the same bytes.
///
/// # Errors
///
/// [`SectionError`] where it is no component.
pub(crate) fn with_manifest(component: &[u8], manifest: &str) -> Result<Vec<u8>, SectionError> {
    let mut out = COMPONENT_HEADER.to_vec();
    for section in sections(component)? {
        if !is_manifest(component, &section)? {
            out.extend_from_slice(&component[section.whole]);
        }
    }
    let mut body = Vec::with_capacity(manifest.len() + NAME.len() + 5);
    write_length(&mut body, NAME.len());
    body.extend_from_slice(NAME.as_bytes());
    body.extend_from_slice(manifest.as_bytes());
    out.push(CUSTOM);
    write_length(&mut out, body.len());
    out.extend_from_slice(&body);
    Ok(out)
}

struct Section {
    id: u8,
    whole: Range<usize>,
    body: Range<usize>,
}

/// The sections of the outermost level. What is nested stands inside one of them and is not looked at.
fn sections(component: &[u8]) -> Result<Vec<Section>, SectionError> {
    if !component.starts_with(&COMPONENT_HEADER) {
        return Err(SectionError::NotComponent);
    }
    let mut sections = Vec::new();
    let mut start = COMPONENT_HEADER.len();
    while let Some(&id) = component.get(start) {
        let cut_off = SectionError::CutOff { offset: start };
        let (length, body) = read_length(component, start + 1).ok_or(cut_off)?;
        let end = body.checked_add(length).filter(|end| *end <= component.len()).ok_or(cut_off)?;
        sections.push(Section { id, whole: start..end, body: body..end });
        start = end;
    }
    Ok(sections)
}

fn is_manifest(component: &[u8], section: &Section) -> Result<bool, SectionError> {
    if section.id != CUSTOM {
        return Ok(false);
    }
    let body = &component[section.body.clone()];
    let cut_off = SectionError::CutOff { offset: section.whole.start };
    let (length, start) = read_length(body, 0).ok_or(cut_off)?;
    let end = start.checked_add(length).ok_or(cut_off)?;
    Ok(body.get(start..end).ok_or(cut_off)? == NAME.as_bytes())
}

/// A LEB128 `u32` and where the bytes behind it begin.
fn read_length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut length = 0_u64;
    for index in 0..5 {
        let byte = *bytes.get(at + index)?;
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(u32::try_from(length).ok()?).ok()?, at + index + 1));
        }
    }
    None
}

fn write_length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let [low, ..] = length.to_le_bytes();
        length >>= 7;
        if length == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection};
    use wasmparser::{Parser, Payload};

    fn component(custom: &[(&str, &[u8])]) -> Vec<u8> {
        let mut component = Component::new();
        let mut module = Module::new();
        module.section(&CustomSection { name: NAME.into(), data: b"of a nested module".into() });
        component.section(&ModuleSection(&module));
        for (name, data) in custom {
            component.section(&CustomSection { name: (*name).into(), data: (*data).into() });
        }
        component.finish()
    }

    /// The manifests of the outermost level, as a reader of other make sees them.
    fn manifests(component: &[u8]) -> Vec<String> {
        let mut depth = 0;
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            match payload.expect("well-formed") {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::CustomSection(section) if depth == 1 && section.name() == NAME => {
                    found.push(String::from_utf8(section.data().to_vec()).expect("text"));
                }
                _ => {}
            }
        }
        found
    }

    #[test]
    fn the_manifest_stands_there_byte_for_byte() {
        for text in ["", "[plugin]\r\nid = \"ä\"\n", &"x".repeat(300_000)] {
            let made = with_manifest(&component(&[("name", b"n")]), text).expect("a component");
            assert_eq!(manifests(&made), [text]);
        }
    }

    #[test]
    fn an_earlier_manifest_is_replaced_and_the_rest_stays() {
        let plain = component(&[("name", b"n"), ("creel:manifesto", b"x")]);
        let first = with_manifest(&plain, "one").expect("a component");
        assert!(first.starts_with(&plain));
        let second = with_manifest(&first, "two").expect("a component");
        assert_eq!(second, with_manifest(&plain, "two").expect("a component"));
        let twice = component(&[(NAME, b"one"), (NAME, b"\xff"), ("name", b"n"), ("creel:manifesto", b"x")]);
        assert_eq!(with_manifest(&twice, "two"), Ok(second));
    }

    fn check(wasm: &[u8], expect: &str) {
        assert_eq!(with_manifest(wasm, "x").expect_err("an error").to_string(), expect);
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let no_component = "the file does not begin as a component does";
        check(b"", no_component);
        check(b"\0asm", no_component);
        check(&Module::new().finish(), no_component);
        check(b"[plugin]\nid = \"a\"", no_component);

        let header = Component::new().finish();
        let broken = |tail: &[u8]| [&header[..], tail].concat();
        let cut_off = "the section at byte 8 is cut off";
        check(&broken(&[0]), cut_off);
        check(&broken(&[0, 5, 1]), cut_off);
        check(&broken(&[0, 0xff, 0xff, 0xff, 0xff, 0x0f]), cut_off);
        check(&broken(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), cut_off);
        check(&broken(&[0, 0]), cut_off); // no room for a name
        check(&broken(&[0, 2, 9, b'c']), cut_off); // a name longer than the section
        let good = component(&[(NAME, b"x")]);
        check(&good[..good.len() - 1], &format!("the section at byte {} is cut off", good.len() - 18));
    }
}

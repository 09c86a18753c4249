//! The plugins that come with Creel: their manifests, as they were when this program was built. They need no approval
//! where the configuration names them, and can be explained without any component.

use std::collections::BTreeMap;

use creel_policy::ids::PluginId;
use creel_policy::manifest::Manifest;

const MANIFESTS: [&str; 6] = [
    include_str!("../../../../plugins/anthropic/plugin.toml"),
    include_str!("../../../../plugins/local-vision/plugin.toml"),
    include_str!("../../../../plugins/media-tools/plugin.toml"),
    include_str!("../../../../plugins/ollama/plugin.toml"),
    include_str!("../../../../plugins/openai/plugin.toml"),
    include_str!("../../../../plugins/signal/plugin.toml"),
];

/// All of them.
pub(crate) fn manifests() -> BTreeMap<PluginId, Manifest> {
    let parsed = MANIFESTS.iter().filter_map(|text| Manifest::parse(text).ok());
    parsed.map(|manifest| (manifest.plugin.id.clone(), manifest)).collect()
}

/// The text of the manifest of one of them.
pub(crate) fn shipped(id: &PluginId) -> Option<&'static str> {
    let is_it = |text: &&&str| Manifest::parse(text).is_ok_and(|manifest| manifest.plugin.id == *id);
    MANIFESTS.iter().find(is_it).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_is_valid_and_found_by_its_id() {
        for text in MANIFESTS {
            let manifest = Manifest::parse(text).expect("a valid manifest");
            assert_eq!(shipped(&manifest.plugin.id), Some(text));
        }
        assert_eq!(manifests().len(), MANIFESTS.len());
    }
}

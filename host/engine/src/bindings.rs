//! The interface of `wit/` as Rust types. Generated code only, fenced in and re-exported under short names.

#[expect(missing_docs, reason = "generated from wit/creel.wit, which documents each item")]
mod provider {
    wasmtime::component::bindgen!({
        world: "provider-plugin",
        path: "../../wit",
        imports: { default: trappable },
    });
}

#[expect(missing_docs, reason = "generated from wit/creel.wit, which documents each item")]
mod channel_world {
    wasmtime::component::bindgen!({
        world: "channel-plugin",
        path: "../../wit",
        imports: { default: trappable },
        with: {
            "creel:plugin/types": super::provider::creel::plugin::types,
            "creel:plugin/io": super::provider::creel::plugin::io,
            "creel:plugin/log": super::provider::creel::plugin::log,
        },
    });
}

#[expect(missing_docs, reason = "generated from wit/creel.wit, which documents each item")]
mod catalog_world {
    wasmtime::component::bindgen!({
        world: "catalog-plugin",
        path: "../../wit",
        imports: { default: trappable },
        with: {
            "creel:plugin/types": super::provider::creel::plugin::types,
            "creel:plugin/io": super::provider::creel::plugin::io,
            "creel:plugin/log": super::provider::creel::plugin::log,
        },
    });
}

#[expect(missing_docs, reason = "generated from wit/creel.wit, which documents each item")]
mod picture_world {
    wasmtime::component::bindgen!({
        world: "picture-plugin",
        path: "../../wit",
        imports: { default: trappable },
        with: {
            "creel:plugin/types": super::provider::creel::plugin::types,
            "creel:plugin/io": super::provider::creel::plugin::io,
            "creel:plugin/log": super::provider::creel::plugin::log,
        },
    });
}

pub use catalog_world::exports::creel::plugin::model_catalog as catalog;
pub(crate) use catalog_world::{CatalogPlugin, CatalogPluginPre};
pub use channel_world::exports::creel::plugin::channel;
pub(crate) use channel_world::{ChannelPlugin, ChannelPluginPre};
pub(crate) use picture_world::PicturePluginPre;
pub use picture_world::exports::creel::plugin::picture_tools as pictures;
pub(crate) use provider::creel::plugin::log;
pub use provider::creel::plugin::{io, types};
pub use provider::exports::creel::plugin::chat_provider as chat;
pub(crate) use provider::{ProviderPlugin, ProviderPluginPre};

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

#[expect(missing_docs, reason = "generated from wit/creel.wit, which documents each item")]
mod embedding_world {
    wasmtime::component::bindgen!({
        world: "embedding-plugin",
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
mod counter_world {
    wasmtime::component::bindgen!({
        world: "counter-plugin",
        path: "../../wit",
        imports: { default: trappable },
        with: {
            "creel:plugin/types": super::provider::creel::plugin::types,
            "creel:plugin/io": super::provider::creel::plugin::io,
            "creel:plugin/log": super::provider::creel::plugin::log,
            "creel:plugin/chat": super::provider::creel::plugin::chat,
        },
    });
}

pub use catalog_world::exports::creel::plugin::model_catalog as catalog;
pub(crate) use catalog_world::{CatalogPlugin, CatalogPluginPre};
pub use channel_world::exports::creel::plugin::channel;
pub(crate) use channel_world::{ChannelPlugin, ChannelPluginPre};
pub use counter_world::exports::creel::plugin::token_counter as counter;
pub(crate) use counter_world::{CounterPlugin, CounterPluginPre};
pub use embedding_world::exports::creel::plugin::embedding_provider as embedding;
pub(crate) use embedding_world::{EmbeddingPlugin, EmbeddingPluginPre};
pub(crate) use picture_world::PicturePluginPre;
pub use picture_world::exports::creel::plugin::picture_tools as pictures;
pub(crate) use provider::creel::plugin::log;
pub use provider::creel::plugin::{io, types};
/// The words of a chat: what it is asked with, and what comes of it.
pub mod chat {
    pub use super::provider::creel::plugin::chat::{
        ChatRequest, NativeRequest, PlacedMedia, ResponseFormat, Tool, ToolChoice,
    };
    pub use super::provider::exports::creel::plugin::chat_provider::{Finish, Output, Progress, Step, Usage};
    pub use super::types::{CallError, Fault};
}
pub(crate) use provider::{ProviderPlugin, ProviderPluginPre};

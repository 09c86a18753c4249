//! What `wit-bindgen` makes of `wit/creel.wit`. The shared words are bound once, so that all worlds speak of the same
//! Rust types. Nothing here is written by hand, and no plugin needs to name this module.

/// `types`, `io`, `chat` and `log`, shared by all worlds.
pub mod words {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "words",
        generate_all,
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// The world of a provider.
pub mod provider {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "provider-plugin",
        with: {
            "creel:plugin/types@0.1.0": crate::bindings::words::creel::plugin::types,
            "creel:plugin/io@0.1.0": crate::bindings::words::creel::plugin::io,
            "creel:plugin/chat@0.1.0": crate::bindings::words::creel::plugin::chat,
            "creel:plugin/log@0.1.0": crate::bindings::words::creel::plugin::log,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        pub_export_macro: true,
        export_macro_name: "export_provider",
        default_bindings_module: "creel_sdk::bindings::provider",
        runtime_path: "::creel_sdk::wit_bindgen::rt",
    });
}

/// The world of a provider that lists models.
pub mod catalog {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "catalog-plugin",
        with: {
            "creel:plugin/types@0.1.0": crate::bindings::words::creel::plugin::types,
            "creel:plugin/io@0.1.0": crate::bindings::words::creel::plugin::io,
            "creel:plugin/log@0.1.0": crate::bindings::words::creel::plugin::log,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        pub_export_macro: true,
        export_macro_name: "export_catalog",
        default_bindings_module: "creel_sdk::bindings::catalog",
        runtime_path: "::creel_sdk::wit_bindgen::rt",
    });
}

/// The world of a provider that makes vectors.
pub mod embedding {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "embedding-plugin",
        with: {
            "creel:plugin/types@0.1.0": crate::bindings::words::creel::plugin::types,
            "creel:plugin/io@0.1.0": crate::bindings::words::creel::plugin::io,
            "creel:plugin/log@0.1.0": crate::bindings::words::creel::plugin::log,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        pub_export_macro: true,
        export_macro_name: "export_embedding",
        default_bindings_module: "creel_sdk::bindings::embedding",
        runtime_path: "::creel_sdk::wit_bindgen::rt",
    });
}

/// The world of a provider that counts tokens. Its requests are those of a completion.
pub mod counter {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "counter-plugin",
        with: {
            "creel:plugin/types@0.1.0": crate::bindings::words::creel::plugin::types,
            "creel:plugin/io@0.1.0": crate::bindings::words::creel::plugin::io,
            "creel:plugin/log@0.1.0": crate::bindings::words::creel::plugin::log,
            "creel:plugin/chat@0.1.0": crate::bindings::words::creel::plugin::chat,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        pub_export_macro: true,
        export_macro_name: "export_counter",
        default_bindings_module: "creel_sdk::bindings::counter",
        runtime_path: "::creel_sdk::wit_bindgen::rt",
    });
}

/// The world of a channel.
pub mod channel {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "channel-plugin",
        with: {
            "creel:plugin/types@0.1.0": crate::bindings::words::creel::plugin::types,
            "creel:plugin/io@0.1.0": crate::bindings::words::creel::plugin::io,
            "creel:plugin/log@0.1.0": crate::bindings::words::creel::plugin::log,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        pub_export_macro: true,
        export_macro_name: "export_channel",
        default_bindings_module: "creel_sdk::bindings::channel",
        runtime_path: "::creel_sdk::wit_bindgen::rt",
    });
}

/// The world of a plugin that makes pictures fit for their receivers.
pub mod picture {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "picture-plugin",
        with: {
            "creel:plugin/types@0.1.0": crate::bindings::words::creel::plugin::types,
            "creel:plugin/io@0.1.0": crate::bindings::words::creel::plugin::io,
            "creel:plugin/log@0.1.0": crate::bindings::words::creel::plugin::log,
        },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        pub_export_macro: true,
        export_macro_name: "export_picture",
        default_bindings_module: "creel_sdk::bindings::picture",
        runtime_path: "::creel_sdk::wit_bindgen::rt",
    });
}

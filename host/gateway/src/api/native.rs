//! A client's own request as the runtime passes it on.

use std::sync::Arc;

use creel_dialects::{ChatCall, Placed};
use creel_runtime::{NativeForm, NativeMedium};
use http::HeaderMap;

/// Headers of a dialect that go on with a request: what they say changes the answer. No others do: they may name the
/// client, its machine or its secrets.
const HEADERS: [&str; 3] = ["anthropic-beta", "anthropic-version", "openai-beta"];

/// A request in the client's own words.
pub(super) struct Native {
    call: Arc<ChatCall>,
    headers: Vec<(String, String)>,
}

impl Native {
    pub(super) fn new(call: Arc<ChatCall>, headers: &HeaderMap) -> Self {
        let of = |name: &str| {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            let joined = values.collect::<Vec<_>>().join(",");
            (!joined.is_empty()).then(|| (name.to_owned(), joined))
        };
        Self { call, headers: HEADERS.iter().filter_map(|name| of(name)).collect() }
    }
}

impl NativeForm for Native {
    fn dialect(&self) -> &str {
        self.call.dialect.code()
    }

    fn write(&self, model: &str, media: &[NativeMedium]) -> String {
        let placed = media.iter().map(|medium| Placed {
            placeholder: medium.placeholder.clone(),
            content_type: medium.content_type.clone(),
        });
        self.call.native(model, &placed.collect::<Vec<_>>())
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.headers.clone()
    }
}

//! Any bytes as a picture to be described: what is said is one line of bounded length, whatever the picture says.
#![no_main]

use creel_plugin_local_vision::look_at_bytes;
use libfuzzer_sys::fuzz_target;

/// Eight codes and the text are the longest parts of it.
const CHARS_MAX: usize = 8 * 600 + 1_500 + 2_000;

fuzz_target!(|bytes: &[u8]| {
    let words = look_at_bytes(bytes);
    assert!(words.starts_with("Picture 1 ") && words.chars().count() <= CHARS_MAX, "{words}");
    assert!(!words.chars().any(char::is_control), "{words:?}");
});

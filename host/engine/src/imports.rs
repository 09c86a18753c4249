//! The whole list of what a component may import, sorted. What is not here is not linked, and a component that
//! imports it is refused before it is compiled.

/// What may be imported: the host's own log, and the WASI interfaces that language runtimes insist on. For a plugin
/// without files they are inert (see `inert`); a plugin that reads or writes media gets a read-only `/media`, an `/out`
/// or both through `wasi:filesystem` (see `reader` and `files`) and nothing else. Sockets, HTTP and name lookup are
/// absent.
pub const LINKABLE: &[&str] = &[
    "creel:plugin/chat@0.1",
    "creel:plugin/io@0.1",
    "creel:plugin/log@0.1",
    "creel:plugin/types@0.1",
    "wasi:cli/environment@0.2",
    "wasi:cli/exit@0.2",
    "wasi:cli/stderr@0.2",
    "wasi:cli/stdin@0.2",
    "wasi:cli/stdout@0.2",
    "wasi:cli/terminal-input@0.2",
    "wasi:cli/terminal-output@0.2",
    "wasi:cli/terminal-stderr@0.2",
    "wasi:cli/terminal-stdin@0.2",
    "wasi:cli/terminal-stdout@0.2",
    "wasi:clocks/monotonic-clock@0.2",
    "wasi:clocks/wall-clock@0.2",
    "wasi:filesystem/preopens@0.2",
    "wasi:filesystem/types@0.2",
    "wasi:io/error@0.2",
    "wasi:io/poll@0.2",
    "wasi:io/streams@0.2",
    "wasi:random/insecure-seed@0.2",
    "wasi:random/insecure@0.2",
    "wasi:random/random@0.2",
];

/// `wasi:io/streams@0.2.6` becomes `wasi:io/streams@0.2`: versions that differ in the last number are compatible.
pub(crate) fn track(import: &str) -> Option<String> {
    let (interface, version) = import.split_once('@')?;
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    (numbers.next().is_some() && numbers.next().is_none()).then(|| format!("{interface}@{major}.{minor}"))
}

/// The first import that is not on the list.
pub(crate) fn first_unlinkable(imports: &[String]) -> Option<&str> {
    let linkable = |import: &str| track(import).is_some_and(|track| LINKABLE.binary_search(&track.as_str()).is_ok());
    imports.iter().map(String::as_str).find(|import| !linkable(import))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_names_no_way_out() {
        assert!(LINKABLE.is_sorted());
        for entry in LINKABLE {
            assert!(!entry.contains("socket") && !entry.contains("http"), "{entry}");
        }
    }

    #[test]
    fn near_misses_are_not_linkable() {
        let first = |import: &str| first_unlinkable(&[import.to_owned()]).map(str::to_owned);
        assert_eq!(first("wasi:io/streams@0.2.11"), None);
        for import in [
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:io/streams",
            "wasi:io/streams@0.3.0",
            "wasi:io/streams@0.2",
            "wasi:io/streams@0.2.6.1",
            "wasi:io/stream@0.2.6",
            "creel:plugin/log@0.2.0",
            "creel:plugin/secrets@0.1.0",
            "",
        ] {
            assert_eq!(first(import).as_deref(), Some(import));
        }
    }
}

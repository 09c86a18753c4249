//! Where components are sought, in order, and which files of a directory are taken for components.

use std::io;
use std::path::{Path, PathBuf};

use super::file::FileRefusal;

/// How a component's file ends.
const EXTENSION: &str = "wasm";
/// The directory of components in the state directory and beside the program.
const DIRECTORY: &str = "plugins";
/// Files of one directory that are looked at; more are a mistake.
const FILES_MAX: usize = 1_000;

/// What the search list is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchPlaces<'a> {
    /// `plugins.load.paths`.
    pub(crate) load_paths: &'a [String],
    /// Where relative ones of them begin: the directory of the configuration.
    pub(crate) config_dir: &'a Path,
    /// What `~/` means in them.
    pub(crate) home: Option<&'a Path>,
    /// The state directory.
    pub(crate) state_dir: &'a Path,
    /// This program's file.
    pub(crate) executable: Option<&'a Path>,
}

/// A place where components are sought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchPlace {
    /// A directory, or, where the configuration names one, a file.
    pub(crate) path: PathBuf,
    /// Whether the configuration names it, so that it has to be there.
    pub(crate) is_named: bool,
}

/// The places in order: what the configuration names, the state directory, and what lies beside the program.
pub(crate) fn search_list(places: SearchPlaces<'_>) -> Vec<SearchPlace> {
    let named = places.load_paths.iter().map(|path| match (path.strip_prefix("~/"), places.home) {
        (Some(below), Some(home)) => home.join(below),
        (Some(_), None) | (None, _) => places.config_dir.join(path),
    });
    let named = named.map(|path| SearchPlace { path, is_named: true });
    let beside = places.executable.and_then(Path::parent);
    let usual = [
        Some(places.state_dir.join(DIRECTORY)),
        beside.map(|dir| dir.join(DIRECTORY)),
        beside.and_then(Path::parent).map(|dir| dir.join(DIRECTORY)),
    ];
    let usual = usual.into_iter().flatten().map(|path| SearchPlace { path, is_named: false });
    let mut list: Vec<SearchPlace> = Vec::new();
    for place in named.chain(usual) {
        if !list.iter().any(|known| known.path == place.path) {
            list.push(place);
        }
    }
    list
}

/// The component files of a place, by name, each by its real path.
pub(crate) fn components_in(place: &SearchPlace) -> (Vec<PathBuf>, Vec<FileRefusal>) {
    let listed = match list(&place.path) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !place.is_named => return (Vec::new(), Vec::new()),
        Err(source) => return (Vec::new(), vec![FileRefusal::Read { path: place.path.clone(), source }]),
    };
    let (mut paths, mut refusals) = (Vec::new(), Vec::new());
    for path in listed {
        match std::fs::canonicalize(&path) {
            Ok(real) => paths.push(real),
            Err(source) => refusals.push(FileRefusal::Read { path, source }),
        }
    }
    (paths, refusals)
}

fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    if std::fs::metadata(path)?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)?.take(FILES_MAX).map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(load_paths: &[&str], executable: Option<&str>, expect: &[&str]) {
        let load_paths: Vec<String> = load_paths.iter().map(|&path| path.to_owned()).collect();
        let places = SearchPlaces {
            load_paths: &load_paths,
            config_dir: Path::new("/etc/creel"),
            home: Some(Path::new("/home/u")),
            state_dir: Path::new("/state"),
            executable: executable.map(Path::new),
        };
        let list = search_list(places);
        let shown: Vec<String> = list.iter().map(|place| place.path.display().to_string()).collect();
        assert_eq!(shown, expect);
        assert_eq!(list.iter().filter(|place| place.is_named).count(), load_paths.len());
    }

    #[test]
    fn what_the_configuration_names_comes_first_and_nothing_twice() {
        check(&[], None, &["/state/plugins"]);
        check(&[], Some("/t/release/creel"), &["/state/plugins", "/t/release/plugins", "/t/plugins"]);
        check(
            &["/opt/p", "~/p", "near"],
            Some("/state/creel"),
            &["/opt/p", "/home/u/p", "/etc/creel/near", "/state/plugins", "/plugins"],
        );
    }

    #[test]
    fn only_components_are_listed_and_only_named_places_must_exist() {
        let temp = tempfile::tempdir().expect("a directory");
        for name in ["b.wasm", "a.wasm", "a.cwasm", "README"] {
            std::fs::write(temp.path().join(name), "x").expect("a file");
        }
        let names = |path: &Path, is_named| {
            let (paths, refusals) = components_in(&SearchPlace { path: path.to_owned(), is_named });
            let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect();
            (names, refusals.len())
        };
        assert_eq!(names(temp.path(), false), (vec!["a.wasm".to_owned(), "b.wasm".to_owned()], 0));
        assert_eq!(names(&temp.path().join("README"), true), (vec!["README".to_owned()], 0));
        assert_eq!(names(&temp.path().join("none"), false), (vec![], 0));
        assert_eq!(names(&temp.path().join("none"), true), (vec![], 1));
    }
}

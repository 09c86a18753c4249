//! Who may read and write the files that secrets and rules stand in.

use super::{Code, Finding, Severity};

/// What a file is to Creel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The state directory, or one in it.
    Directory,
    /// It holds secrets.
    Secret,
    /// Creel goes by it, and refuses it where anybody else could read or write it.
    Guarded,
    /// Creel goes by what it says, and it holds no secret.
    Rules,
}

/// What the file system says of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFact {
    /// Its path, for people.
    pub name: String,
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: u32,
    /// The user id of its owner.
    pub owner: u32,
}

/// Judges modes and owners. `own_user` is whom Creel runs as.
#[must_use]
pub fn of_files(facts: &[FileFact], own_user: u32) -> Vec<Finding> {
    facts.iter().flat_map(|fact| [of_owner(fact, own_user), of_mode(fact)].into_iter().flatten()).collect()
}

fn of_owner(fact: &FileFact, own_user: u32) -> Option<Finding> {
    let FileFact { name, kind, owner, .. } = fact;
    // Root may do what it likes anyway; secrets of root's are still not ours to read.
    let is_fine = *owner == own_user || (*owner == 0 && *kind == FileKind::Rules);
    let message = format!("belongs to user {owner}, not to user {own_user} that creel runs as");
    let hint = format!("run `chown {own_user} {name}` as root");
    (!is_fine).then(|| Finding::about(Code::ForeignOwner, Severity::Error, (name, ""), message, hint))
}

fn of_mode(fact: &FileFact) -> Option<Finding> {
    let FileFact { name, kind, mode, .. } = fact;
    let (writable, readable) = (mode & 0o022 != 0, mode & 0o055 != 0);
    let (what, severity, remedy) = match (kind, writable, readable) {
        (FileKind::Directory, true, _) => ("others can put files into it", Severity::Error, "chmod 700"),
        (FileKind::Directory, false, true) => ("others can look into it", Severity::Info, "chmod 700"),
        (FileKind::Secret, true, _) => ("it holds secrets, and others can write it", Severity::Error, "chmod 600"),
        (FileKind::Secret, false, true) => ("it holds secrets, and others can read it", Severity::Error, "chmod 600"),
        (FileKind::Guarded, true, _) | (FileKind::Guarded, false, true) => {
            ("Creel refuses it, since others can read or write it", Severity::Error, "chmod 600")
        }
        (FileKind::Rules, true, _) => ("Creel goes by it, and others can write it", Severity::Error, "chmod go-w"),
        (FileKind::Directory | FileKind::Secret | FileKind::Guarded, false, false) | (FileKind::Rules, false, _) => {
            return None;
        }
    };
    let message = format!("{what} (mode {:04o})", mode & 0o7777);
    Some(Finding::about(Code::OpenMode, severity, (name, ""), message, format!("run `{remedy} {name}`")))
}

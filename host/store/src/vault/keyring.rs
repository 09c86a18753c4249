//! The desktop's keyring, by way of the tool that comes with it: libsecret's `secret-tool`, which speaks to GNOME Keyring
//! and KWallet. A library of our own for D-Bus would be larger than all else in this crate. What is kept is not known
//! here.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::VaultError;
use crate::command::{Bounds, Call, Unanswered, run};
use crate::limits::{KEYRING_MS_MAX, VAULT_KEY_BYTES_MAX};
use crate::secrets::Environment;
use crate::state::StateRoot;

/// At a fixed place: a `PATH` could name another.
const TOOL: &str = "/usr/bin/secret-tool";
/// All that it needs to find the keyring of the session.
const VARIABLES: [&str; 6] =
    ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "HOME", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"];

/// The keyring of the session that the daemon runs in. No Debug: it holds variables.
pub struct Keyring {
    pub(super) tool: PathBuf,
    pub(super) variables: Vec<(OsString, Zeroizing<Vec<u8>>)>,
}

impl Keyring {
    /// The keyring of that environment.
    #[must_use]
    pub fn of(environment: &Environment) -> Self {
        let variable = |name: &&str| Some((OsString::from(name), Zeroizing::new(environment.get(name)?.to_vec())));
        Self { tool: PathBuf::from(TOOL), variables: VARIABLES.iter().filter_map(variable).collect() }
    }

    /// What it holds for this state directory.
    pub(super) fn read(&self, root: &StateRoot) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        match self.call(&[OsStr::new("lookup")], root, Zeroizing::default()) {
            Ok(text) => Ok(Some(text)),
            // It ends so, without a word, when there is no such thing.
            Err(Unanswered::Failed { status, has_spoken: false }) if status.code() == Some(1) => Ok(None),
            Err(no) => Err(self.failed(&no)),
        }
    }

    /// Replaces what it holds, and looks whether it is there: what is locked with a key that was lost is lost.
    pub(super) fn write(&self, root: &StateRoot, text: &Zeroizing<Vec<u8>>) -> Result<(), VaultError> {
        let store = [OsStr::new("store"), OsStr::new("--label=Creel: key of the vault")];
        self.call(&store, root, text.clone()).map_err(|no| self.failed(&no))?;
        let read = self.read(root)?;
        if read.as_ref().map(|read| read.trim_ascii()) == Some(text.trim_ascii()) {
            return Ok(());
        }
        Err(VaultError::Keyring { why: "it did not keep what it was given".to_owned() })
    }

    fn call(
        &self,
        command: &[&OsStr],
        root: &StateRoot,
        input: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, Unanswered> {
        let attributes = ["application", "creel", "state-dir"].map(OsStr::new);
        let arguments: Vec<&OsStr> =
            command.iter().copied().chain(attributes).chain([root.display_path().as_os_str()]).collect();
        let time = Duration::from_millis(KEYRING_MS_MAX);
        let bounds = Bounds { time, silence: time, output_bytes_max: VAULT_KEY_BYTES_MAX };
        let variables = self.variables.clone();
        run(Call { program: &self.tool, arguments: &arguments, variables, input, bounds })
    }

    fn failed(&self, no: &Unanswered) -> VaultError {
        let tool = self.tool.display();
        let why = match no {
            Unanswered::Start(error) => format!("`{tool}` cannot be started: {}", error.kind()),
            Unanswered::Wait(error) => format!("`{tool}` cannot be waited for: {}", error.kind()),
            Unanswered::TimedOut | Unanswered::Silent => {
                format!("`{tool}` did not answer for {} s; is the keyring unlocked?", KEYRING_MS_MAX / 1_000)
            }
            Unanswered::TooMuch => "it holds something that is no key".to_owned(),
            Unanswered::Failed { status, .. } => {
                format!("`{tool}` failed ({status}); is there a session with a keyring?")
            }
        };
        VaultError::Keyring { why }
    }
}

//! What a build says while it runs, for whoever shows it. Nothing here writes to a terminal.

use creel_policy::ids::PluginId;

use super::options::Built;
use super::process::Line;

/// Shows how far a build has come.
pub(crate) trait Progress {
    /// Takes one piece of news; called on the thread that builds.
    fn tell(&mut self, event: Event<'_>);
}

/// One piece of news.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// A command that changes this machine, or takes long, begins.
    Running {
        /// As one would type it.
        command: &'a str,
        /// What for.
        purpose: &'a str,
    },
    /// A line of a running tool about what it does, e.g. `Compiling serde v1.0.229`.
    Status {
        /// Without the space around it.
        line: &'a str,
    },
    /// One way to a compiler is closed and the next is tried.
    FellBack {
        /// What the first way came to.
        reason: &'a str,
        /// The next, e.g. `Debian's packages`.
        to: &'a str,
    },
    /// The compiler of a crate is settled.
    Toolchain {
        /// For people, e.g. `Debian's rustc 1.96.0`.
        name: &'a str,
    },
    /// A plugin's turn has come.
    Started {
        /// Which.
        id: &'a PluginId,
        /// From 0.
        index: usize,
        /// How many there are.
        total: usize,
    },
    /// Cargo is through with one more crate.
    Compiled {
        /// The crate's name.
        name: &'a str,
        /// Crates of this plugin so far, this one included.
        count: usize,
    },
    /// The compiler's warnings about a plugin that it did build.
    Warnings {
        /// Which.
        id: &'a PluginId,
        /// As the compiler put them.
        text: &'a str,
    },
    /// A component lies on disk.
    Done {
        /// Which and where.
        built: &'a Built,
    },
}

/// Passes a line of a tool on, unless it is empty.
pub(crate) fn tell_status(line: Line<'_>, progress: &mut dyn Progress) {
    let line = line.text().trim();
    if !line.is_empty() {
        progress.tell(Event::Status { line });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes down what it was told, a line each.
    #[derive(Default)]
    pub(crate) struct Told(pub(crate) Vec<String>);

    impl Progress for Told {
        fn tell(&mut self, event: Event<'_>) {
            self.0.push(match event {
                Event::Running { command, .. } => format!("running {command}"),
                Event::Status { line } => format!("status {line}"),
                Event::FellBack { reason, to } => format!("fell back to {to}: {reason}"),
                Event::Toolchain { name } => format!("toolchain {name}"),
                Event::Started { id, index, total } => format!("started {id} {index}/{total}"),
                Event::Compiled { name, count } => format!("compiled {name} {count}"),
                Event::Warnings { id, text } => format!("warnings {id} {text}"),
                Event::Done { built } => format!("done {}", built.id),
            });
        }
    }
}

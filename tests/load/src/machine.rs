//! Where and with what a measurement was made: processor, memory, load, versions. Nothing here is measured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use crate::start::output;

/// A machine at the time of a measurement.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// Processor, memory and system in one line.
    pub(crate) hardware: String,
    /// When it began, in UTC.
    pub(crate) date: String,
    /// The commit of the sources.
    pub(crate) commit: String,
    /// The version of `wrk`, where it was used.
    pub(crate) wrk: Option<String>,
    /// The load averages of one minute, before and after.
    pub(crate) load: [f64; 2],
    /// Processors.
    pub(crate) processors: usize,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn here(root: &Path, wrk: Option<String>) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        let of = |path| fs::read_to_string(path).unwrap_or_default();
        let (model, kib) = (value(&of("/proc/cpuinfo"), "model name"), value(&of("/proc/meminfo"), "MemTotal"));
        let kib: u64 = kib.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let gib = kib.div_ceil(1 << 20);
        let kernel = of("/proc/sys/kernel/osrelease");
        let commit = ["describe", "--always", "--dirty", "--abbrev=12"];
        Self {
            hardware: format!("{processors} × {model}, {gib} GiB, Linux {}", kernel.trim()),
            date: said(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"])),
            commit: said(Command::new("git").args(commit).current_dir(root)),
            wrk,
            load: [load(); 2],
            processors,
        }
    }

    /// The same machine when all is measured.
    pub(crate) fn at_the_end(mut self) -> Self {
        self.load[1] = load();
        self
    }
}

fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

fn said(command: &mut Command) -> String {
    output(command, "it").map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// The value of a name in a file of `name : value` lines.
fn value(text: &str, name: &str) -> String {
    let of_line = |line: &str| {
        let (left, right) = line.split_once(':')?;
        (left.trim() == name).then(|| right.trim().to_owned())
    };
    text.lines().find_map(of_line).unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_the_machine_is() {
        let text = "processor\t: 0\nmodel name\t: Some: Thing\nmodel name\t: Other\n";
        assert_eq!(value(text, "model name"), "Some: Thing");
        assert_eq!(value(text, "MemTotal"), "unknown");
        assert_eq!(value("MemTotal:       24684216 kB\n", "MemTotal"), "24684216 kB");
    }
}

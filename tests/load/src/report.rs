//! The findings as Markdown: medians, and what a gateway adds to the upstream alone. Nothing is measured or judged
//! here.

use std::fmt::Write as _;

use crate::lane::{Lane, Target};
use crate::measure::{Cell, Findings, Options, Sample, base_of};
use crate::slow::Slow;

const CASE_HEAD: &str = "\
| lane | connections | requests/s (min–max) | p50 ms | added p50 ms | p99 ms | CPU µs/request | failed |
|---|--:|--:|--:|--:|--:|--:|--:|
";
const BESIDE_HEAD: &str = "
## Creel beside its peers

| case | connections | peer | requests/s × | CPU/request × |
|---|--:|---|--:|--:|
";
const PROGRAMS_HEAD: &str = "
## Start and memory

| program | ready ms | first start ms | RSS MB idle | RSS MB after the rounds |
|---|--:|--:|--:|--:|
";
const SLOW_HEAD: &str = "
## Slow streams

| lane | whole | given up | refused | cut | stuck | crossed | live at most | live after | cut upstream \
| first piece p50/p99 ms | RSS MB before, most, after | works after |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|
";

/// What the figures of a cell come to.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figures {
    rate: f64,
    rate_min: f64,
    rate_max: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
    failed: u64,
}

/// The whole report.
pub(crate) fn markdown(findings: &Findings, options: &Options) -> String {
    let mut out = String::new();
    let parts = [head(findings, options), cases(findings), beside(findings), programs(findings)];
    for part in parts.into_iter().chain([slow(&findings.slow), absent(&findings.absent)]) {
        out.push_str(&part);
    }
    out
}

fn head(findings: &Findings, options: &Options) -> String {
    let machine = &findings.machine;
    let mut versions: Vec<String> =
        findings.programs.iter().map(|program| format!("{} {}", program.target.name(), program.version)).collect();
    versions.extend(machine.wrk.as_ref().map(|version| format!("wrk {version}")));
    let [before, after] = machine.load;
    let command: Vec<String> = std::env::args().skip(2).collect();
    let command = command.join(" ");
    let command = command.replace(&format!("--root {}", options.root.display()), "");
    let mut out = String::from("# Gateways under load\n\n");
    let lines = [
        format!("Machine: {}; load average {before:.1} before and {after:.1} after.", machine.hardware),
        format!("Sources: {}, {} UTC. Versions: {}.", machine.commit, machine.date, versions.join(", ")),
        format!("Command: `tests/load/run{}`.", pad(command.trim())),
        format!(
            "Each figure is the median of {} interleaved rounds of {} s. Client, gateway and upstream share the \
             processors; `wrk` is a closed loop with one thread. The CPU is the gateway's own.",
            options.rounds, options.seconds
        ),
    ];
    for line in lines {
        out.push_str(&line);
        out.push_str("  \n");
    }
    if before > machine.processors as f64 / 2.0 {
        out.push_str("\n**The machine was not idle before the first round.**\n");
    }
    out
}

fn pad(command: &str) -> String {
    if command.is_empty() { String::new() } else { format!(" {command}") }
}

fn cases(findings: &Findings) -> String {
    let mut out = String::new();
    let mut title = "";
    for cell in &findings.cells {
        if cell.case.title != title {
            title = cell.case.title;
            write_line(&mut out, &format!("\n## {title}\n"));
            out.push_str(CASE_HEAD);
        }
        let Some(figures) = figures(&cell.samples) else { continue };
        let base = base_of(&cell.lane).filter(|base| **base != cell.lane);
        let base = base.and_then(|base| same_load(findings, cell, base)).and_then(figures_of);
        let added = base.map_or_else(String::new, |base| format!("{:.2}", figures.p50_ms - base.p50_ms));
        let Figures { rate, rate_min, rate_max, p50_ms, p99_ms, cpu_us, failed } = figures;
        let rates = format!("{rate:.0} ({rate_min:.0}–{rate_max:.0})");
        let (name, connections) = (cell.lane.name, cell.connections);
        write_line(
            &mut out,
            &format!(
                "| {name} | {connections} | {rates} | {p50_ms:.2} | {added} | {p99_ms:.2} | {cpu_us:.0} | {failed} |"
            ),
        );
    }
    out
}

/// The cell of another lane under the same load.
fn same_load<'a>(findings: &'a Findings, cell: &Cell, lane: &Lane) -> Option<&'a Cell> {
    let is_same = |other: &&Cell| other.case == cell.case && other.connections == cell.connections;
    findings.cells.iter().filter(is_same).find(|other| other.lane == *lane)
}

fn figures_of(cell: &Cell) -> Option<Figures> {
    figures(&cell.samples)
}

/// Creel's rate and CPU by those of each peer, in the same dialects.
fn beside(findings: &Findings) -> String {
    let mut rows = String::new();
    for cell in findings.cells.iter().filter(|cell| cell.lane.target == Target::Creel) {
        let Some(ours) = figures_of(cell) else { continue };
        let is_peer = |other: &&Cell| {
            !matches!(other.lane.target, Target::Creel | Target::Direct)
                && (other.lane.client, other.lane.upstream) == (cell.lane.client, cell.lane.upstream)
                && (other.case, other.connections) == (cell.case, cell.connections)
        };
        for (peer, theirs) in findings.cells.iter().filter(is_peer).filter_map(|peer| Some((peer, figures_of(peer)?))) {
            let (rate, cpu) = (ours.rate / theirs.rate, ours.cpu_us / theirs.cpu_us);
            let (name, case, connections) = (peer.lane.name, cell.case.name, cell.connections);
            write_line(&mut rows, &format!("| {case} | {connections} | {name} | {rate:.2} | {cpu:.2} |"));
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!("{BESIDE_HEAD}{rows}")
}

fn programs(findings: &Findings) -> String {
    let mut out = String::from(PROGRAMS_HEAD);
    for program in &findings.programs {
        let cold = program.ready_cold_ms.map_or_else(String::new, |ms| format!("{ms:.0}"));
        let [idle, busy] = [program.idle_kib, program.busy_kib].map(mb);
        write_line(
            &mut out,
            &format!("| {} | {:.0} | {cold} | {idle:.0} | {busy:.0} |", program.target.name(), program.ready_ms),
        );
    }
    out
}

fn slow(slow: &[Slow]) -> String {
    if slow.is_empty() {
        return String::new();
    }
    let mut out = String::from(SLOW_HEAD);
    for one in slow {
        let tally = &one.tally;
        let [p50, p99] = [50, 99].map(|percent| percentile(&tally.first_us, percent) / 1e3);
        let [before, most, after] = one.rss_kib.map(mb);
        let counts = [tally.whole, tally.aborted, tally.refused, tally.cut, tally.stuck, tally.crossed];
        let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        let works = if one.works_after { "yes" } else { "no" };
        write_line(
            &mut out,
            &format!(
                "| {} | {} | {} | {} | {} | {p50:.1}/{p99:.1} | {before:.0}, {most:.0}, {after:.0} | {works} |",
                one.lane.name,
                counts.join(" | "),
                one.live_max,
                one.live_after,
                one.cut_upstream
            ),
        );
    }
    for one in slow {
        if let Some(example) = &one.tally.example {
            let example: String = example.split_whitespace().collect::<Vec<_>>().join(" ");
            write_line(&mut out, &format!("\n{}: the first that went wrong: {example}", one.lane.name));
        }
    }
    out
}

fn absent(absent: &[(String, String)]) -> String {
    if absent.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n## Not measured\n\n");
    for (name, reason) in absent {
        write_line(&mut out, &format!("- {name}: {reason}"));
    }
    out
}

fn figures(samples: &[Sample]) -> Option<Figures> {
    let of = |figure: fn(&Sample) -> f64| {
        let mut all: Vec<f64> = samples.iter().map(figure).collect();
        all.sort_unstable_by(f64::total_cmp);
        all
    };
    let rates = of(|sample| sample.run.requests as f64 * 1e6 / sample.run.duration_us.max(1) as f64);
    Some(Figures {
        rate: median(&rates)?,
        rate_min: *rates.first()?,
        rate_max: *rates.last()?,
        p50_ms: median(&of(|sample| sample.run.p50_us as f64 / 1e3))?,
        p99_ms: median(&of(|sample| sample.run.p99_us as f64 / 1e3))?,
        cpu_us: median(&of(|sample| sample.cpu_us as f64 / sample.run.requests.max(1) as f64))?,
        failed: samples.iter().map(|sample| sample.run.failed).sum(),
    })
}

/// The median of what is in order.
fn median(values: &[f64]) -> Option<f64> {
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some((values.get(middle - 1)? + upper) / 2.0) }
}

/// A percentile of what is in order; zero of nothing.
fn percentile(values: &[u64], percent: usize) -> f64 {
    let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(at).map_or(0.0, |value| *value as f64)
}

fn mb(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn write_line(out: &mut String, line: &str) {
    // Writing to a `String` does not fail.
    writeln!(out, "{line}").expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrk::Run;

    fn sample(requests: u64, p50_us: u64, cpu_us: u64) -> Sample {
        Sample { run: Run { requests, duration_us: 1_000_000, p50_us, p99_us: 9_000, failed: 1 }, cpu_us }
    }

    #[test]
    fn a_cell_comes_to_medians() {
        let figures = figures(&[sample(100, 1_000, 1_000), sample(300, 3_000, 9_000), sample(200, 2_000, 4_000)]);
        let (rate, rate_min, rate_max) = (200.0, 100.0, 300.0);
        let expect = Figures { rate, rate_min, rate_max, p50_ms: 2.0, p99_ms: 9.0, cpu_us: 20.0, failed: 3 };
        assert_eq!(figures, Some(expect));
        assert_eq!(super::figures(&[]), None);
    }

    #[test]
    fn the_middle_is_found() {
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!(median(&[]), None);
        assert_eq!([50, 99].map(|percent| percentile(&[1, 2, 3, 4], percent)), [3.0, 4.0]);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}

//! One measurement from beginning to end: programs are started and checked, rounds are run, slow streams are driven.
//! What came of it is data for the report, which is not written here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ask;
use crate::error::LoadError;
use crate::lane::{self, Case, LANES, Lane, Target};
use crate::machine::Machine;
use crate::pace::Pace;
use crate::slow::{self, Slow};
use crate::start::{Site, Started, output, upstream};
use crate::streams::{Door, Plan};
use crate::wrk::{self, Load, Run};

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The top level of the project.
    pub(crate) root: PathBuf,
    /// Creel's program; one that is built here where none is named.
    pub(crate) creel: Option<PathBuf>,
    /// How often each case is measured.
    pub(crate) rounds: usize,
    /// For how long each time.
    pub(crate) seconds: u64,
    /// Lanes and programs by name; all where none is named.
    pub(crate) only: Vec<String>,
    /// Cases by name; all where none is named.
    pub(crate) cases: Vec<String>,
    /// The slow streams.
    pub(crate) slow: Plan,
}

/// What came of a measurement.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Where it was made.
    pub(crate) machine: Machine,
    /// The programs that were measured.
    pub(crate) programs: Vec<Program>,
    /// What `wrk` measured.
    pub(crate) cells: Vec<Cell>,
    /// What became of the slow streams.
    pub(crate) slow: Vec<Slow>,
    /// What was not measured, and why.
    pub(crate) absent: Vec<(String, String)>,
}

/// A program that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Which one.
    pub(crate) target: Target,
    /// What it says of its version.
    pub(crate) version: String,
    /// Until it answered, in milliseconds.
    pub(crate) ready_ms: f64,
    /// Until it answered at its very first start.
    pub(crate) ready_cold_ms: Option<f64>,
    /// Memory before the rounds.
    pub(crate) idle_kib: u64,
    /// Memory after them.
    pub(crate) busy_kib: u64,
}

/// A case on a lane, with so many connections.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    /// The case.
    pub(crate) case: Case,
    /// The lane.
    pub(crate) lane: Lane,
    /// Connections at once.
    pub(crate) connections: usize,
    /// One for each round.
    pub(crate) samples: Vec<Sample>,
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// What the client saw.
    pub(crate) run: Run,
    /// Time on a processor that the program took.
    pub(crate) cpu_us: u64,
}

/// The programs that run, and the ways through them that work.
struct Field {
    site: Site,
    upstream: Started,
    started: BTreeMap<Target, Started>,
    lanes: Vec<(Lane, Door)>,
    absent: Vec<(String, String)>,
}

/// Connections and time of the load before the first round, which nobody measures.
const WARM_UP: (usize, u64) = (4, 1);
/// What stands in a prompt that is only to be answered.
const CHECK_MARK: &str = "check";
/// Bytes of a wrong answer that are told.
const TOLD_MAX: usize = 200;

/// Measures all that the options name.
///
/// # Errors
///
/// [`LoadError`] where nothing can be measured; a peer that cannot be had is a finding.
pub(crate) fn measure(options: &Options) -> Result<Findings, LoadError> {
    let lanes = lane::lanes(&options.only)?;
    let (cases, is_slow) = lane::cases(&options.cases)?;
    let upstream = upstream(&options.root)?;
    let creel = match &options.creel {
        Some(path) => path.clone(),
        None if lanes.iter().any(|lane| lane.target == Target::Creel) => built(&options.root)?,
        None => PathBuf::new(),
    };
    let site = Site { root: options.root.clone(), creel, upstream: upstream.address() };
    let wrk = if cases.is_empty() { None } else { Some(site.install("wrk")?) };
    let mut field = Field { site, upstream, started: BTreeMap::new(), lanes: Vec::new(), absent: Vec::new() };
    field.fill(&lanes);
    let machine = Machine::here(&options.root, wrk);
    let script = field.site.here().join("post.lua");
    field.warm_up(&cases, &script);
    let idle = field.memory();
    let cells = field.rounds(&cases, options, &script);
    let busy = field.memory();
    let slow = if is_slow { field.slow(&options.slow)? } else { Vec::new() };
    let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1_000.0;
    let program = |(target, started): (&Target, &Started)| Program {
        target: *target,
        version: started.version.clone(),
        ready_ms: ms(started.ready),
        ready_cold_ms: started.ready_cold.map(ms),
        idle_kib: idle.get(target).copied().unwrap_or_default(),
        busy_kib: busy.get(target).copied().unwrap_or_default(),
    };
    let programs = field.started.iter().map(program).collect();
    Ok(Findings { machine: machine.at_the_end(), programs, cells, slow, absent: field.absent })
}

/// Creel's program, which cargo makes where it is not there.
fn built(root: &Path) -> Result<PathBuf, LoadError> {
    let program = root.join("target/release/creel");
    if !program.is_file() {
        eprintln!("building creel; this takes a while");
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--locked", "--package", "creel-gateway"]).current_dir(root);
        output(cargo.env("CARGO_TARGET_DIR", root.join("target")), "cargo build")?;
        output(Command::new(&program).args(["plugin", "build"]).current_dir(root), "creel plugin build")?;
    }
    Ok(program)
}

impl Field {
    /// Starts what the lanes need, and keeps the lanes that answer as they should.
    fn fill(&mut self, lanes: &[Lane]) {
        for target in Target::ALL.into_iter().filter(|target| *target != Target::Direct) {
            if !lanes.iter().any(|lane| lane.target == target) {
                continue;
            }
            eprintln!("starting {}", target.name());
            match self.site.start(target) {
                Ok(started) => {
                    self.started.insert(target, started);
                }
                Err(error) => self.leave_out(target.name(), error.chain()),
            }
        }
        for lane in lanes {
            let Some(door) = self.program(lane.target).map(|started| started.door(lane, self.site.upstream)) else {
                continue;
            };
            match check(&door) {
                Ok(()) => self.lanes.push((*lane, door)),
                Err(reason) => self.leave_out(lane.name, reason),
            }
        }
    }

    fn leave_out(&mut self, name: &str, reason: String) {
        eprintln!("{name} is left out: {reason}");
        self.absent.push((name.to_owned(), reason));
    }

    fn program(&self, target: Target) -> Option<&Started> {
        match target {
            Target::Direct => Some(&self.upstream),
            Target::Creel | Target::Tensorzero | Target::Portkey | Target::Litellm => self.started.get(&target),
        }
    }

    fn warm_up(&mut self, cases: &[Case], script: &Path) {
        for case in cases {
            for (lane, door) in self.lanes.clone() {
                self.sample(case, (&lane, &door), WARM_UP, script);
            }
        }
    }

    /// Each case on one lane after the other, and all of it again: what disturbs the machine disturbs neighbours alike.
    fn rounds(&mut self, cases: &[Case], options: &Options, script: &Path) -> Vec<Cell> {
        let mut cells: Vec<Cell> = Vec::new();
        for case in cases {
            for connections in case.connections {
                let cell = |(lane, _): &(Lane, Door)| {
                    let (lane, connections, samples) = (*lane, *connections, Vec::new());
                    Cell { case: *case, lane, connections, samples }
                };
                cells.extend(self.lanes.iter().map(cell));
            }
        }
        for round in 1..=options.rounds {
            if !cells.is_empty() {
                eprintln!("round {round} of {}", options.rounds);
            }
            for cell in &mut cells {
                let found = self.lanes.iter().find(|(lane, _)| *lane == cell.lane).cloned();
                let Some((lane, door)) = found else { continue };
                let load = (cell.connections, options.seconds);
                cell.samples.extend(self.sample(&cell.case, (&lane, &door), load, script));
            }
        }
        cells
    }

    /// One run; a lane that cannot be measured any more is left out from here on.
    fn sample(
        &mut self,
        case: &Case,
        (lane, door): (&Lane, &Door),
        (connections, seconds): (usize, u64),
        script: &Path,
    ) -> Option<Sample> {
        let used = || self.program(lane.target).map(|started| started.running.used().cpu_us).unwrap_or_default();
        let body = door.dialect.request(&door.model, &case.pace(), case.is_stream);
        let before = used();
        match wrk::run(door, &Load { body: &body, connections, seconds }, script) {
            Ok(run) => Some(Sample { run, cpu_us: used().saturating_sub(before) }),
            Err(error) => {
                let (name, case) = (lane.name, case.name);
                self.leave_out(name, format!("{case} with {connections} connections: {}", error.chain()));
                self.lanes.retain(|(kept, _)| kept != lane);
                None
            }
        }
    }

    fn memory(&self) -> BTreeMap<Target, u64> {
        self.started.iter().map(|(target, started)| (*target, started.running.used().rss_kib)).collect()
    }

    /// The slow streams, through one lane of each program.
    fn slow(&self, plan: &Plan) -> Result<Vec<Slow>, LoadError> {
        let mut found: Vec<Slow> = Vec::new();
        for (lane, door) in &self.lanes {
            if found.iter().any(|slow| slow.lane.target == lane.target) {
                continue;
            }
            eprintln!("{} slow streams: {}", plan.streams, lane.name);
            if let Some(started) = self.program(lane.target) {
                let slow = slow::drive(*lane, (door, &started.running), self.site.upstream, plan)?;
                found.push(Slow { works_after: check(door).is_ok(), ..slow });
            }
        }
        Ok(found)
    }
}

/// Whether a lane answers what it is asked, whole and as a stream.
fn check(door: &Door) -> Result<(), String> {
    let pace = Pace { mark: CHECK_MARK.to_owned(), ..Pace::default() };
    for is_stream in [false, true] {
        let body = door.dialect.request(&door.model, &pace, is_stream);
        let answered = ask::post(door.address, &door.path, &door.headers, &body).map_err(|error| error.chain())?;
        let last = pace.piece(pace.chunks.saturating_sub(1));
        if answered.status != 200 || !answered.body.contains(last.trim()) {
            let told: String = answered.body.chars().take(TOLD_MAX).collect();
            return Err(format!(
                "it answered {} {}",
                answered.status,
                told.split_whitespace().collect::<Vec<_>>().join(" ")
            ));
        }
    }
    Ok(())
}

/// The lane that another is held against.
pub(crate) fn base_of(lane: &Lane) -> Option<&'static Lane> {
    LANES.iter().find(|base| base.name == lane.base())
}

// SPDX-License-Identifier: MIT
//! A run: starts the test tasks and a process that performs the cases, watches
//! its progress, and prints the closing line.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::geteuid;

use crate::case::Transport;
use crate::cli::Options;
use crate::descriptors::Descriptors;
use crate::error;
use crate::generate::{Generator, Transports};
use crate::model::Features;
use crate::perform::{Failure, Performer, RunConfig};
use crate::process::{Child, User};
use crate::report::Reporter;
use crate::seeds::SeedWriter;
use crate::shared::Shared;
use crate::socket;
use crate::task_pool::TaskPool;

/// Default uid of the unprivileged test tasks.
const USER: u32 = 1000;
/// Timeout of a case.
const CASE_TIMEOUT: Duration = Duration::from_secs(60);
/// Interval between checks for progress.
const TICK: Duration = Duration::from_millis(50);
/// Interval between progress lines.
const PROGRESS: Duration = Duration::from_secs(10);
/// Number of findings after which a run ends.
const MAX_FINDINGS: u32 = 10;
/// Number of cases between checks of the time limit.
const CASES_PER_LOOK: u64 = 64;
/// Number of cases without a row after which a run has tested nothing.
const CASES_WITHOUT_ROW: u64 = 1000;

/// Reason why a run cannot start or continue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Socket(#[from] error::Error),
    #[error("--as-user needs root")]
    NotRoot,
    #[error("cannot start the test tasks: {0}")]
    TaskPool(#[source] io::Error),
    #[error("cannot open descriptors for requests: {0}")]
    Descriptors(#[source] io::Error),
    #[error("the family and /proc/task-diag report different features: {0}")]
    Features(String),
    #[error("cannot use the directory {0:?}: {1}")]
    Directory(std::path::PathBuf, #[source] io::Error),
    #[error("cannot {0}: {1}")]
    System(&'static str, #[source] io::Error),
}

fn cannot<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::System(what, error.into())
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Error> {
    let (family, features) = query_kernel(options.transport)?;
    let seed = options
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
    eprintln!("taskdiag-fuzz: seed {seed}");

    let user = geteuid()
        .is_root()
        .then(|| User::new(options.as_user.unwrap_or(USER)));
    if options.as_user.is_some() && user.is_none() {
        return Err(Error::NotRoot);
    }
    let seed_writer = options
        .save_seeds
        .as_ref()
        .map(|directory| {
            SeedWriter::new(directory).map_err(|error| Error::Directory(directory.clone(), error))
        })
        .transpose()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        signal_hook::flag::register(signal as i32, Arc::clone(&interrupted))
            .map_err(cannot("handle signals"))?;
    }

    let shared = Shared::map().map_err(cannot("share memory"))?;
    let task_pool =
        TaskPool::start(user, options.as_user.is_some(), shared).map_err(Error::TaskPool)?;
    let descriptors =
        Descriptors::open(&task_pool.known_tasks, user).map_err(Error::Descriptors)?;
    let config = RunConfig {
        reporter: Reporter {
            generator: Generator::new(seed, options.transport),
            seed,
            as_user: options.as_user,
        },
        family,
        features,
        shared,
        known_tasks: &task_pool.known_tasks,
        as_user: options.as_user.is_some(),
        user,
        show: options.replay.is_some(),
    };
    let start = Instant::now();
    let worker =
        Child::fork(|| work(options, &config, descriptors, seed_writer)).map_err(cannot("fork"))?;
    let end = watch(worker, &config, &interrupted)?;
    drop(task_pool);

    let seconds = start.elapsed().as_secs_f64();
    let rate = shared.cases.load(Relaxed) as f64 / seconds;
    println!("taskdiag-fuzz: seed {seed}: {shared}; {seconds:.1} s, {rate:.0} cases/s");
    Ok(exit_code(end, shared))
}

/// Queries the family id, if the run uses the socket, and the features, which must
/// be the same over both transports.
fn query_kernel(transports: Transports) -> Result<(u16, Features), Error> {
    let family = transports
        .include(Transport::Socket)
        .then(|| {
            let family = socket::query_family()?;
            Ok::<_, error::Error>((family, socket::query_features(family)?))
        })
        .transpose()?;
    let file = transports
        .include(Transport::File)
        .then(socket::query_features_of_file)
        .transpose()?;
    match (family, file) {
        (Some((_, socket)), Some(file)) if socket != file => {
            Err(Error::Features(format!("{socket:x?} and {file:x?}")))
        }
        (Some(found), _) => Ok(found),
        (None, Some(features)) => Ok((0, features)),
        (None, None) => Err(Error::Socket(error::Error::NoReply)),
    }
}

/// Result of the process that performed the cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Success,
    Interrupted,
    /// The process failed. The reason has been printed.
    Failed,
}

fn exit_code(end: End, shared: &Shared) -> ExitCode {
    let cases = shared.cases.load(Relaxed);
    if end != End::Interrupted && cases >= CASES_WITHOUT_ROW && shared.rows.load(Relaxed) == 0 {
        eprintln!("taskdiag-fuzz: no row in {cases} cases: nothing was tested");
        return ExitCode::FAILURE;
    }
    match end {
        _ if shared.findings.load(Relaxed) > 0 => ExitCode::FAILURE,
        End::Success => ExitCode::SUCCESS,
        End::Failed => ExitCode::FAILURE,
        End::Interrupted => ExitCode::from(128 + Signal::SIGINT as u8),
    }
}

/// Waits for the worker. Ends it after an interrupt or a timeout.
fn watch(worker: Child, config: &RunConfig<'_>, interrupted: &AtomicBool) -> Result<End, Error> {
    let shared = config.shared;
    let mut progress = Instant::now();
    let mut reported = Instant::now();
    let mut last = 0;
    loop {
        match worker.try_wait().map_err(cannot("wait for the worker"))? {
            Some(0) if interrupted.load(Relaxed) => return Ok(End::Interrupted),
            Some(0) => return Ok(End::Success),
            // The worker has printed the reason.
            Some(1) => return Ok(End::Failed),
            Some(code) => {
                let case = shared.iteration.load(Relaxed);
                eprintln!(
                    "taskdiag-fuzz: FINDING: the process that performs the cases exited with \
                     {code} in case {case}; again: {}",
                    config.reporter.command(case)
                );
                shared.findings.fetch_add(1, Relaxed);
                return Ok(End::Failed);
            }
            None => {}
        }
        if interrupted.load(Relaxed) {
            shared.stop.store(true, Relaxed);
        }
        let case = shared.iteration.load(Relaxed);
        let cases = shared.cases.load(Relaxed);
        if cases != last {
            (last, progress) = (cases, Instant::now());
        } else if progress.elapsed() > CASE_TIMEOUT {
            eprintln!(
                "taskdiag-fuzz: FINDING: case {case} has been hanging for {} s; again: {}",
                CASE_TIMEOUT.as_secs(),
                config.reporter.command(case)
            );
            shared.findings.fetch_add(1, Relaxed);
            worker.kill();
            return Ok(End::Failed);
        }
        if reported.elapsed() > PROGRESS {
            reported = Instant::now();
            eprintln!("taskdiag-fuzz: seed {}, case {case}", config.reporter.seed);
        }
        sleep(TICK);
    }
}

/// Performs the cases. Runs in a forked process.
fn work(
    options: &Options,
    config: &RunConfig<'_>,
    descriptors: Descriptors,
    seed_writer: Option<SeedWriter>,
) -> u8 {
    // The supervisor handles interrupts and ends this process.
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    let switch = match config.user.filter(|_| config.as_user) {
        Some(user) => user.switch(),
        None => Ok(()),
    };
    if let Err(errno) = signals.thread_block().and(switch) {
        eprintln!("taskdiag-fuzz: cannot switch to the user of the cases: {errno}");
        return 1;
    }

    let shared = config.shared;
    let generator = &config.reporter.generator;
    let mut performer = match Performer::new(config, descriptors, seed_writer) {
        Ok(performer) => performer,
        Err(failure) => {
            eprintln!("taskdiag-fuzz: {failure}");
            return 1;
        }
    };
    let start = Instant::now();
    let (first, end) = options.cases();
    for iteration in first..end {
        let look = iteration % CASES_PER_LOOK == 0;
        if look && options.time().is_some_and(|time| start.elapsed() >= time)
            || shared.stop.load(Relaxed)
        {
            break;
        }
        shared.iteration.store(iteration, Relaxed);
        let case = generator.case(iteration);
        if options.trace {
            eprintln!("taskdiag-fuzz: case {iteration}");
        }
        if config.show {
            println!("{case:#?}");
        }
        match performer.perform(&case) {
            Ok(()) => {}
            Err(Failure::Finding(finding)) => {
                config.reporter.finding(&case, &finding);
                shared.findings.fetch_add(1, Relaxed);
            }
            Err(failure) => {
                config.reporter.failure(&case, &failure);
                return 1;
            }
        }
        shared.cases.fetch_add(1, Relaxed);
        if shared.findings.load(Relaxed) >= MAX_FINDINGS {
            eprintln!("taskdiag-fuzz: stopping after {MAX_FINDINGS} findings");
            break;
        }
    }
    0
}

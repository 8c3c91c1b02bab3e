//! Mutated files: every parser against thousands of broken files a second, as `cargo xtask fuzz` and `cargo xtask test`
//! run it.
//!
//!     cargo test --test fuzz -- [--format NAME] [--seconds N | --executions N] [--seed N] [--workers N]
//!     cargo test --test fuzz -- --replay target/fuzz/….finding
//!
//! Each worker is a process of its own, so that memory can be counted and a stack overflow or a loop without end is a
//! finding like any other. What a worker does follows from the seed, its number and the count of executions alone.

#[path = "../graph_files/mod.rs"]
mod graph_files;
#[path = "../keras_common/mod.rs"]
mod keras_common;
#[path = "../protobuf/mod.rs"]
mod protobuf;
#[path = "../seeded/mod.rs"]
mod seeded;
#[path = "../tensorflow_common/mod.rs"]
mod tensorflow_common;
#[path = "../weights_common/mod.rs"]
mod weights_common;

mod contract;
mod mutate;
mod random;
mod seeds;
mod worker;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mobilenet_web::weights::Overrides;
use peak_alloc::PeakAlloc;
use worker::Until;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A worker that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

struct Arguments {
    format: Option<String>,
    until: Until,
    seed: u64,
    workers: u64,
    /// The number of this process among the workers; none in the one that starts them.
    index: Option<u64>,
    replay: Option<PathBuf>,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed =
        Arguments { format: None, until: Until::Seconds(5), seed: 1, workers: 2, index: None, replay: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
        let number = || value.parse::<u64>().map_err(|why| format!("`{word} {value}`: {why}"));
        match &*word {
            "--format" => parsed.format = Some(value),
            "--seconds" => parsed.until = Until::Seconds(number()?),
            "--executions" => parsed.until = Until::Executions(number()?),
            "--seed" => parsed.seed = number()?,
            "--workers" => parsed.workers = number()?,
            "--worker" => parsed.index = Some(number()?),
            "--replay" => parsed.replay = Some(value.into()),
            _ => return Err(format!("there is no option `{word}`")),
        }
    }
    Ok(parsed)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz")
}

fn main() -> ExitCode {
    let outcome = arguments().and_then(|arguments| match (&arguments.replay, arguments.index) {
        (Some(path), _) => replay(path),
        (_, Some(index)) => work(&arguments, index),
        _ => fuzz(&arguments),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Keeps where a panic was instead of printing it.
fn quiet() {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut place) = contract::PANICKED.lock() {
            *place = info.to_string().replace('\n', " ");
        }
    }));
}

fn replay(path: &Path) -> Result<(), String> {
    quiet();
    let files = worker::read_all(path).map_err(|why| format!("{}: {why}", path.display()))?;
    for (precision, name) in mobilenet_web::weights::Precision::ALL {
        let outcome = contract::check(&files, &Overrides::default(), precision)?;
        println!("{name}: {}, {} bytes beyond, {:?}", outcome.words, outcome.beyond, outcome.time);
    }
    Ok(())
}

fn work(arguments: &Arguments, index: u64) -> Result<(), String> {
    quiet();
    let format = arguments.format.as_deref().ok_or("a worker needs `--format`")?;
    let mut found = |why: &str, path: &Path| println!("finding {} {why}", path.display());
    let seed = (arguments.seed, index);
    let report = worker::run(format, seed, arguments.until, &folder(), &mut found).map_err(|why| why.to_string())?;
    for (kind, count) in report.kinds {
        println!("kind {kind} {count}");
    }
    println!("done {} {} {} {}", report.executions, report.ways, report.slowest.as_micros(), report.beyond);
    Ok(())
}

/// What the workers of one format came to.
#[derive(Default)]
struct Sum {
    executions: u64,
    ways: usize,
    slowest_us: u64,
    beyond: usize,
    kinds: BTreeMap<String, u64>,
    findings: Vec<String>,
}

fn fuzz(arguments: &Arguments) -> Result<(), String> {
    let formats: Vec<&str> = seeds::FORMATS.iter().map(|row| row.0).collect();
    if let Some(unknown) = arguments.format.as_deref().filter(|format| !formats.contains(format)) {
        return Err(format!("`{unknown}` is none of {}", formats.join(", ")));
    }
    let chosen = |format: &&str| arguments.format.as_deref().is_none_or(|only| only == *format);
    let (begun, mut all) = (Instant::now(), Sum::default());
    for format in formats.into_iter().filter(chosen) {
        let begun = Instant::now();
        let sum = workers(arguments, format)?;
        let seconds = begun.elapsed().as_secs_f64();
        let kinds: Vec<String> = sum.kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        println!(
            "{format}: {} files in {seconds:.1} s, {:.0} a second, {} ways, slowest {:.1} ms, at most {} KiB beyond\n    {}",
            sum.executions,
            sum.executions as f64 / seconds,
            sum.ways,
            sum.slowest_us as f64 / 1e3,
            sum.beyond >> 10,
            kinds.join(", ")
        );
        all.executions += sum.executions;
        all.findings.extend(sum.findings);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} files in {seconds:.1} s, {} findings", all.executions, all.findings.len());
    if all.findings.is_empty() { Ok(()) } else { Err(all.findings.join("\n")) }
}

/// Starts the workers of a format and waits for them.
fn workers(arguments: &Arguments, format: &str) -> Result<Sum, String> {
    let started: Vec<_> = (0..arguments.workers.max(1))
        .map(|index| Ok((index, start(arguments, format, index)?)))
        .collect::<Result<_, String>>()?;
    let mut sum = Sum::default();
    for (index, (mut child, lines)) in started {
        let mut done = false;
        let silent = loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => done |= note(&mut sum, &line),
                Err(error) => break error == std::sync::mpsc::RecvTimeoutError::Timeout,
            }
        };
        if silent {
            child.kill().map_err(|why| why.to_string())?;
        }
        let status = child.wait().map_err(|why| why.to_string())?;
        if !done {
            let what = if silent { format!("time: over {PATIENCE:?}") } else { format!("died: {status}") };
            let path = folder().join(format!("{format}-{}-{index}.finding", if silent { "hangs" } else { "dies" }));
            std::fs::rename(folder().join(worker::current(format, index)), &path).map_err(|why| why.to_string())?;
            sum.findings.push(format!("{} {what}", path.display()));
        }
    }
    Ok(sum)
}

fn start(arguments: &Arguments, format: &str, index: u64) -> Result<(Child, Receiver<String>), String> {
    let program = std::env::current_exe().map_err(|why| why.to_string())?;
    let share = |count: u64| count.div_ceil(arguments.workers.max(1)).to_string();
    let (option, count) = match arguments.until {
        Until::Executions(count) => ("--executions", share(count)),
        Until::Seconds(count) => ("--seconds", count.to_string()),
    };
    let mut child = Command::new(program)
        .args([
            "--format",
            format,
            "--worker",
            &index.to_string(),
            "--seed",
            &arguments.seed.to_string(),
            option,
            &count,
        ])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|why| why.to_string())?;
    let output = child.stdout.take().ok_or("a worker without output")?;
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    Ok((child, lines))
}

/// Adds a line of a worker's; answers whether it was the last.
fn note(sum: &mut Sum, line: &str) -> bool {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let numbers: Vec<u64> = rest.split(' ').filter_map(|number| number.parse().ok()).collect();
    match (word, &*numbers) {
        ("finding", _) => {
            println!("{rest}");
            sum.findings.push(rest.into());
        }
        ("kind", [count]) => *sum.kinds.entry(rest.split(' ').next().unwrap_or_default().into()).or_default() += count,
        ("done", &[executions, ways, slowest_us, beyond]) => {
            sum.executions += executions;
            sum.ways = sum.ways.max(ways as usize);
            sum.slowest_us = sum.slowest_us.max(slowest_us);
            sum.beyond = sum.beyond.max(beyond as usize);
            return true;
        }
        _ => {}
    }
    false
}

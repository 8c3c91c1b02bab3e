//! One process of one thread, since memory is counted by process: mutates, checks, and tells what it found.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mobilenet_web::Kind;
use mobilenet_web::weights::Precision;

use crate::contract::{self, Files};
use crate::mutate::{mutate, mutate_message};
use crate::random::{Random, hash};
use crate::seeds::{FORMATS, Seed};

/// When to stop.
#[derive(Clone, Copy)]
pub enum Until {
    Executions(u64),
    Seconds(u64),
}

/// Mutated files that went a new way are kept to be mutated again, while they are few and small.
const MOST_KEPT: usize = 512;
const LARGEST_KEPT_BYTES: usize = 128 << 10;

/// Files larger than this are mutated once in so many times.
const LARGE_BYTES: usize = 400 << 10;
const LARGE_ONCE_IN: usize = 400;

/// Findings of one kind are the same finding.
const MOST_FINDINGS: usize = 20;

/// What one worker did.
pub struct Report {
    pub executions: u64,
    pub kinds: BTreeMap<&'static str, u64>,
    pub ways: usize,
    pub slowest: Duration,
    pub beyond: usize,
}

/// Runs `each` on mutated files of a format; every finding is written below `folder` and told to `found`.
pub fn run(
    format: &str,
    (seed, index): (u64, u64),
    until: Until,
    folder: &Path,
    found: &mut dyn FnMut(&str, &Path),
) -> std::io::Result<Report> {
    let seeds = FORMATS.iter().find(|row| row.0 == format).map(|row| row.1()).unwrap_or_default();
    let mut random = Random::new(seed ^ hash(format.as_bytes()) ^ index.wrapping_mul(0x9e37_79b9));
    let (small, large): (Vec<&Seed>, Vec<&Seed>) = seeds.iter().partition(|seed| size(&seed.files) <= LARGE_BYTES);
    let messages = ["onnx", "graph-def", "checkpoint", "saved-model"].contains(&format);
    let mut kept: Vec<Files> = Vec::new();
    let mut ways = HashSet::new();
    let mut broken = HashSet::new();
    let mut report = Report { executions: 0, kinds: BTreeMap::new(), ways: 0, slowest: Duration::ZERO, beyond: 0 };
    std::fs::create_dir_all(folder)?;
    let mut current = File::create(folder.join(current(format, index)))?;
    let mut said = Instant::now();
    let begun = Instant::now();
    // The seeds themselves first: what does not hold for them holds for nothing.
    let (mut untouched, mut readable) = (seeds.iter(), false);
    loop {
        let done = match until {
            Until::Executions(count) => report.executions >= count,
            Until::Seconds(count) => begun.elapsed().as_secs() >= count,
        };
        if done || broken.len() >= MOST_FINDINGS {
            break;
        }
        let first = untouched.next();
        let of = first.unwrap_or_else(|| {
            let seeds = if !large.is_empty() && random.once_in(LARGE_ONCE_IN) { &large } else { &small };
            *random.of(seeds)
        });
        let files = match first {
            Some(seed) => seed.files.clone(),
            // What is kept is mutated as it stands: checksums then hide what is behind them.
            None if !kept.is_empty()
                && random.once_in(if of.inner.is_some() { 5 } else { 2 })
                && size(&of.files) <= LARGE_BYTES =>
            {
                let mut files = random.of(&kept).clone();
                change(&mut files, &of.files, messages, &mut random);
                files
            }
            None => {
                let seed = *random.of::<&Seed>(&small);
                mutated(of, seed, messages, &mut random)
            }
        };
        let precision = random.of(&Precision::ALL).0;
        // If this process dies of it, the parent finds it here.
        write_all(&mut current, &files)?;
        match contract::check(&files, &of.overrides, precision) {
            Ok(outcome) => {
                *report.kinds.entry(outcome.kind.map_or("read", |kind| kind.code())).or_default() += 1;
                if outcome.time > report.slowest {
                    report.slowest = outcome.time;
                    write_all(&mut File::create(folder.join(format!("{format}.{index}.slowest")))?, &files)?;
                }
                report.beyond = report.beyond.max(outcome.beyond);
                readable |= first.is_some() && outcome.kind.is_none();
                // Bytes that are no format at all lead nowhere.
                let known = outcome.kind != Some(Kind::UnsupportedFormat);
                if ways.insert(outcome.way) && known && kept.len() < MOST_KEPT && size(&files) <= LARGEST_KEPT_BYTES {
                    kept.push(files);
                }
            }
            Err(why) => {
                if broken.insert(rule(&why)) {
                    found(&why, &save(folder, format, &why, &files)?);
                }
            }
        }
        report.executions += 1;
        if said.elapsed() > Duration::from_millis(500) {
            println!("at {}", report.executions);
            said = Instant::now();
        }
    }
    if !readable && report.executions >= seeds.len() as u64 {
        found("no seed of the format is read to its end", folder);
    }
    report.ways = ways.len();
    Ok(report)
}

fn size(files: &Files) -> usize {
    files.iter().map(|file| file.1.len()).sum()
}

/// A seed with some changes, to its files or to what they are made of.
fn mutated(seed: &Seed, other: &Seed, messages: bool, random: &mut Random) -> Files {
    if let Some(inner) = &seed.inner
        && !random.once_in(3)
    {
        let mut pieces = inner.pieces.clone();
        let others = other.inner.as_ref().map_or(&other.files, |inner| &inner.pieces);
        change_bytes(&mut pieces, others, messages, random);
        return (inner.pack)(&pieces);
    }
    let mut files = seed.files.clone();
    change(&mut files, &other.files, messages, random);
    files
}

/// Changes files; now and then which there are.
fn change(files: &mut Files, others: &Files, messages: bool, random: &mut Random) {
    if files.len() > 1 && random.once_in(40) {
        let (a, b) = (random.below(files.len()), random.below(files.len()));
        match random.below(3) {
            0 if a > 0 => drop(files.remove(a)),
            1 => files[a].1 = files[b].1.clone(),
            _ => files[a].0 = files[b].0.clone(),
        }
        return;
    }
    change_bytes(files, others, messages, random);
}

fn change_bytes(files: &mut Files, others: &Files, messages: bool, random: &mut Random) {
    let times = *random.of(&[1, 1, 1, 2, 2, 3, 4, 8]);
    for _ in 0..times {
        // The first says what the others are.
        let index = if random.once_in(3) { random.below(files.len()) } else { 0 };
        let bytes = &mut files[index].1;
        let donor = &random.of(others).1;
        if messages && !random.once_in(3) {
            mutate_message(bytes, donor, random);
        } else {
            mutate(bytes, donor, random);
        }
    }
}

/// What makes findings the same: the rule and the words without numbers.
fn rule(why: &str) -> String {
    let words = why.chars().filter(|c| !c.is_ascii_digit());
    // The words that are too many are the file's own.
    let count = if why.starts_with("words") { 5 } else { 120 };
    if why.starts_with("panic") { why.into() } else { words.take(count).collect() }
}

/// The name of the file that a worker is at.
pub fn current(format: &str, index: u64) -> PathBuf {
    format!("{format}.{index}.current").into()
}

/// One file for all: a line `length name` each, an empty one, the bytes.
fn write_all(file: &mut File, files: &Files) -> std::io::Result<()> {
    let lines: String = files.iter().map(|(name, bytes)| format!("{} {name}\n", bytes.len())).collect();
    let mut all = [lines.as_bytes(), b"\n"].concat();
    files.iter().for_each(|(_, bytes)| all.extend(bytes));
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&all)?;
    file.set_len(all.len() as u64)
}

/// The files in one that [`write_all`] wrote, or the file itself.
pub fn read_all(path: &Path) -> std::io::Result<Files> {
    let all = std::fs::read(path)?;
    let whole = || {
        let end = all.windows(2).position(|bytes| bytes == b"\n\n")?;
        let (mut files, mut at) = (Files::new(), end + 2);
        for line in std::str::from_utf8(&all[..end]).ok()?.lines() {
            let (length, name) = line.split_once(' ')?;
            let until = at.checked_add(length.parse().ok()?)?;
            files.push((name.into(), all.get(at..until)?.to_vec()));
            at = until;
        }
        Some(files)
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(whole().unwrap_or_else(|| vec![(name, all)]))
}

fn save(folder: &Path, format: &str, why: &str, files: &Files) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("{format}-{:016x}.finding", hash(rule(why).as_bytes())));
    write_all(&mut File::create(&path)?, files)?;
    std::fs::write(path.with_extension("txt"), why)?;
    Ok(path)
}

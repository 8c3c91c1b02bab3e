//! What must hold of every file: it is read or refused with a typed error, in bounded time and memory, and what is
//! converted opens again.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use mobilenet_web::model::Spec;
use mobilenet_web::weights::{self, Overrides, Part, Precision, Tensor};
use mobilenet_web::{Error, Kind};

use crate::ALLOCATOR;

/// Files by name, the main one first.
pub type Files = Vec<(String, Vec<u8>)>;

/// The bound beyond the file and the decoded tensors.
const ALLOWANCE_BYTES: usize = 8 << 20;

/// A file of 17 MB takes 0.1 s, and 0.6 s in eight bits.
const LONGEST: Duration = Duration::from_secs(2);

/// Of an error: a place, what was expected and what was found, of 16384 letters each.
const LONGEST_MESSAGE_BYTES: usize = 3 * 4 * 16_384 + 4096;

/// What one file came to.
pub struct Outcome {
    /// The error's kind, or nothing where the file was read.
    pub kind: Option<Kind>,
    /// The same for files that go the same way through the readers, as far as their words tell.
    pub way: u64,
    pub words: String,
    pub time: Duration,
    /// Most bytes beyond the file and the decoded tensors.
    pub beyond: usize,
}

/// Where the last panic was.
pub static PANICKED: Mutex<String> = Mutex::new(String::new());

/// What this thread has computed for, where the system says it: a busy machine finds nothing then. Elsewhere the time.
fn spent() -> Duration {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = nanoseconds.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGUN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// Runs one file through everything that the importer does, or says which rule it breaks.
pub fn check(files: &Files, overrides: &Overrides, precision: Precision) -> Result<Outcome, String> {
    let begun = spent();
    let outcome = catch_unwind(AssertUnwindSafe(|| convert(files, overrides, precision)));
    let time = spent().saturating_sub(begun);
    let Ok(outcome) = outcome else {
        let place = PANICKED.lock().map(|place| place.clone()).unwrap_or_default();
        return Err(format!("panic: {place}"));
    };
    let (kind, words, beyond) = outcome?;
    if time > LONGEST {
        return Err(format!("time: {:.1} s", time.as_secs_f64()));
    }
    Ok(Outcome { kind, way: skeleton(&words), words, time, beyond })
}

type Found = (Option<Kind>, String, usize);

fn convert(files: &Files, overrides: &Overrides, precision: Precision) -> Result<Found, String> {
    let given: usize = files.iter().map(|file| file.1.len()).sum();
    let parts: Vec<Part<'_>> = files.iter().map(|(name, bytes)| Part { name, bytes }).collect();
    let names: Vec<&str> = files.iter().map(|file| &*file.0).collect();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    drop(weights::main_part(&names));
    if let Err(error) = weights::wanted(&parts[0]) {
        said(&error)?;
    }
    let file = match &parts[..] {
        [only] => weights::read(only.bytes),
        _ => weights::read_parts(&parts),
    };
    let owned = |tensor: &Tensor<'_>| if let Cow::Owned(bytes) = &tensor.bytes { bytes.len() } else { 0 };
    let decoded: usize = file.iter().flat_map(|file| file.iter().map(owned)).sum();
    let checkpoint = file.and_then(|file| weights::checkpoint(file, overrides));
    let beyond = (ALLOCATOR.peak_usage() - before).saturating_sub(given + decoded);
    if beyond > ALLOWANCE_BYTES {
        let said = checkpoint.map_or_else(|error| error.to_string(), |_| "read".into());
        return Err(format!("memory: {beyond} bytes beyond {given} and {decoded} decoded: {said}"));
    }
    let checkpoint = match checkpoint {
        Ok(checkpoint) => checkpoint,
        Err(error) => return Ok((Some(error.kind()), said(&error)?, beyond)),
    };
    let mut words = format!("read {:?} {}", checkpoint.spec.version, checkpoint.naming);
    checkpoint.inferred.iter().for_each(|it| words += it.what);
    checkpoint.warnings.iter().for_each(|it| words += it.code);
    words += checkpoint.spec.preprocessing.name;
    let written = match checkpoint.to_safetensors(precision) {
        Ok(written) => written,
        Err(error) => return Ok((Some(error.kind()), said(&error)?, beyond)),
    };
    // What is written, and the same once more before it is put together.
    let beyond = (ALLOCATOR.peak_usage() - before).saturating_sub(given + decoded + 2 * written.capacity());
    if beyond > ALLOWANCE_BYTES {
        return Err(format!(
            "memory: {beyond} bytes beyond {given}, {decoded} decoded and 2 · {} written",
            written.len()
        ));
    }
    let again = weights::read(&written).and_then(|file| weights::checkpoint(file, &Overrides::default()));
    match again {
        Err(error) => Err(format!("converted, but: {error}")),
        Ok(again) if again.spec != as_written(&checkpoint.spec) => {
            Err(format!("converted, but to another network: {}", difference(&again.spec, &checkpoint.spec)))
        }
        Ok(again) if count(&again, precision) != count(&checkpoint, precision) => Err("converted, but not all".into()),
        Ok(_) => Ok((None, words, beyond)),
    }
}

/// How many tensors there are; of those that batch norms are folded into, weights alone.
fn count(checkpoint: &weights::Checkpoint<'_>, precision: Precision) -> usize {
    let counts = |tensor: &&Tensor<'_>| precision != Precision::Int8 || tensor.name.ends_with("/weights");
    checkpoint.canonical().iter().filter(counts).count()
}

/// Metadata keeps names of classes as lines.
fn as_written(spec: &Spec) -> Spec {
    let labels = spec.labels.iter().map(|label| label.replace(['\n', '\r'], " ")).collect();
    Spec { labels, ..spec.clone() }
}

/// The first fields in which they differ.
fn difference(a: &Spec, b: &Spec) -> String {
    let (a, b) = (format!("{a:?}"), format!("{b:?}"));
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count().saturating_sub(30);
    let [a, b] = [a, b].map(|text| text.chars().skip(same).take(90).collect::<String>());
    format!("…{a}… for …{b}…")
}

/// The words of an error, which must be there and few.
fn said(error: &Error) -> Result<String, String> {
    let words = error.to_string();
    if words.len() > LONGEST_MESSAGE_BYTES {
        return Err(format!("words: {} bytes: {}…", words.len(), words.chars().take(80).collect::<String>()));
    }
    if words.trim().is_empty() {
        return Err(format!("words: none for {:?}", error.kind()));
    }
    Ok(format!("{:?} {words}", error.kind()))
}

/// A hash of the words without names, lists and numbers.
fn skeleton(words: &str) -> u64 {
    let (mut quoted, mut listed, mut kept) = (false, false, Vec::new());
    for word in words.split(' ') {
        let before = quoted || listed;
        for byte in word.bytes() {
            quoted ^= byte == b'`';
            listed = (listed || byte == b'[') && byte != b']';
        }
        if !before
            && !quoted
            && !listed
            && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte.is_ascii_punctuation())
        {
            kept.extend(word.bytes());
        }
    }
    crate::random::hash(&kept)
}

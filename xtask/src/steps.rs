//! Named steps: each prints its place, its name and its time, and a failing one says its remedy.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// One thing to do, by name.
pub struct Step<'a> {
    name: &'static str,
    remedy: &'static str,
    work: Box<dyn FnOnce() -> Result<String> + 'a>,
}

impl<'a> Step<'a> {
    /// A step; `work` answers with a few words on what it did, `remedy` is what a person can do when it fails.
    pub fn new(name: &'static str, remedy: &'static str, work: impl FnOnce() -> Result<String> + 'a) -> Self {
        Self { name, remedy, work: Box::new(work) }
    }
}

/// Runs the steps in order and stops at the first that fails; the last line sums them up.
pub fn run(steps: Vec<Step<'_>>) -> Result<()> {
    let total = steps.len();
    let started = Instant::now();
    let mut times = Vec::with_capacity(total);
    for (index, step) in steps.into_iter().enumerate() {
        let place = format!("[{}/{total}]", index + 1);
        println!("{place} {} …", step.name);
        let begun = Instant::now();
        let note = (step.work)().map_err(|error| {
            let time = seconds(begun.elapsed());
            anyhow!("{place} {} failed after {time}\n  cause:  {error:#}\n  remedy: {}", step.name, step.remedy)
        })?;
        println!("{place} {}: {note} ({})", step.name, seconds(begun.elapsed()));
        times.push((step.name, begun.elapsed()));
    }
    let slow: Vec<String> = times
        .iter()
        .filter(|(_, time)| *time >= Duration::from_secs(1))
        .map(|(name, time)| format!("{name} {}", seconds(*time)))
        .collect();
    let detail = if slow.is_empty() { String::new() } else { format!(": {}", slow.join(", ")) };
    println!("{total} of {total} steps passed in {}{detail}", seconds(started.elapsed()));
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

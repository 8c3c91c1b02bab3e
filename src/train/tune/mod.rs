//! The end of a network, trained: from an endpoint's maps to a head's logits, forward and backward.
//!
//! What lies before the cut is the engine's to compute: [`Tuner::step`] takes the maps of the last endpoint before it, so that
//! they can be kept. From there on the graph is run unfolded, each batch norm by itself, in one arena that is planned for a
//! batch once. Batch norms normalise by their moving statistics unless asked otherwise, as Keras' do where a base is called
//! with `training=False`; offsets and scales are trained either way.

mod calls;
mod cut;
mod file;
mod heat;
mod options;
mod picture;
mod run;
mod tape;
mod update;
mod variables;

pub use cut::{Cut, Place, keras_layers};
pub use heat::Heat;
pub use options::{BatchNorm, Score, StepOptions, TuneOptions};

use super::loss::{answer, largest};
use super::{Head, Loss, Optimizer, Task};
use crate::error::{Error, Kind, Result};
use crate::frame::Preprocessor;
use crate::graph::{Graph, NodeId, Shape};
use crate::lane::Vec4;
use crate::model::Spec;
use crate::weights::{self, Overrides};
use run::{Runner, Statistics};
use tape::Tape;
use variables::Variables;

/// A network whose end can be trained.
pub struct Tuner {
    file: Vec<u8>,
    overrides: Overrides,
    /// With the head's outputs.
    spec: Spec,
    graph: Graph,
    place: Place,
    variables: Variables,
    tape: Tape,
    runner: Runner,
    preprocessor: Option<Preprocessor>,
    optimizer: Option<Optimizer>,
    head: Option<Head>,
    task: Task,
    batch_norm: BatchNorm,
    momentum: f32,
    batch_size: usize,
    /// Steps so far.
    steps: usize,
    /// Weights and moving statistics that [`Tuner::keep`] kept.
    best: Option<[Vec<Vec4>; 2]>,
}

/// Bounds that keep every size far from overflow.
const MOST_MAPS: usize = 1024;

impl Tuner {
    /// Opens a file of weights for training from a cut on.
    ///
    /// # Errors
    /// As [`crate::Net::open`]; [`Kind::UnknownEndpoint`] and [`Kind::BadOption`] for a cut that is not there;
    /// [`Kind::BadOption`] where statistics should be trained that the file has no longer.
    pub fn open(file: Vec<u8>, options: &TuneOptions) -> Result<Self> {
        for (option, found, most) in
            [("outputs", options.outputs, usize::MAX), ("batchSize", options.batch_size, MOST_MAPS)]
        {
            if !(1..=most).contains(&found) {
                let expected = if most == usize::MAX { "1 or more".into() } else { format!("1 to {most}") };
                return Err(super::options::bad(option, &expected, found.to_string()));
            }
        }
        let checkpoint = weights::checkpoint(weights::read(&file)?, &options.overrides)?;
        let spec = file::with_head(&checkpoint.spec, options.task, options.outputs);
        let graph = Graph::build(&spec)?;
        let place = options.from.place(&graph)?;
        let (input, logits) = (place.input(), graph.endpoint(LOGITS)?.node);
        let variables = Variables::read(&graph, &checkpoint, [input, logits], (place.first, false))?;
        if variables.folded && options.batch_norm == BatchNorm::Training {
            return Err(Error::new(Kind::BadOption, "batchNorm")
                .expected("`frozen`, since this file's batch norms are folded into its convolutions")
                .found("`training`")
                .remedy("Take weights whose statistics are there, or train with frozen ones."));
        }
        let momentum =
            options.momentum.unwrap_or_else(|| variables::momentum(checkpoint.naming, checkpoint.spec.version));
        let tape = Tape::new(&graph, &variables, [input, logits], (options.batch_size, false))?;
        let runner = Runner::new(&graph, &tape, &variables).ok_or_else(|| too_large(&tape, options.batch_size))?;
        drop(checkpoint);
        Ok(Self {
            file,
            overrides: options.overrides.clone(),
            spec,
            graph,
            place,
            variables,
            tape,
            runner,
            preprocessor: None,
            optimizer: None,
            head: None,
            task: options.task,
            batch_norm: options.batch_norm,
            momentum,
            batch_size: options.batch_size,
            steps: 0,
            best: None,
        })
    }

    /// The endpoint whose maps [`Tuner::step`] takes; none where it takes pictures.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.place.endpoint.as_ref().map(|endpoint| &*endpoint.name)
    }

    /// What one of its maps is.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.graph.nodes[self.place.input()].shape
    }

    /// How many numbers are trained, those of the head included.
    #[must_use]
    pub fn params(&self) -> usize {
        self.variables.params(&self.graph)
    }

    /// How many outputs the head has.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.spec.classes
    }

    /// Names of the layers whose parameters are trained.
    #[must_use]
    pub fn layers(&self) -> Vec<&str> {
        let trained = self.variables.all.iter().filter(|variable| variable.trains);
        trained.map(|variable| &*self.graph.nodes[variable.node].name).collect()
    }

    /// The largest batch.
    #[must_use]
    pub const fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Bytes of the arena that holds every map and gradient of a batch.
    #[must_use]
    pub const fn arena_bytes(&self) -> usize {
        self.tape.bytes()
    }

    /// Puts a head on the network's features. It is trained with it, from where it stands.
    ///
    /// # Errors
    /// [`Kind::WrongBackbone`] for one of other features; [`Kind::BadOption`] for one of other outputs, or one that is more
    /// than a dense layer.
    pub fn attach(&mut self, head: &Head) -> Result<()> {
        let logits = self.graph.endpoint(LOGITS)?.node;
        let features = self.graph.nodes[self.graph.nodes[logits].inputs[0]].shape.channels;
        head.check(features)?;
        let outputs = self.spec.classes;
        if (head.outputs(), head.task()) != (outputs, self.task) {
            return Err(Error::new(Kind::BadOption, "head")
                .expected(format!("{outputs} outputs of {}", self.task.name()))
                .found(format!("{} of {}", head.outputs(), head.task().name())));
        }
        let Some(layer) = head.single() else {
            return Err(Error::new(Kind::BadOption, "head")
                .expected("one dense layer, which becomes the network's last")
                .found(format!("a hidden layer of {} units, or samples that vote", head.hidden()))
                .remedy("Train a head by `gradient` without hidden layer first."));
        };
        self.variables.set_last(&[outputs, features], &layer.weights, &layer.biases);
        self.runner.turn(&self.tape, &self.variables, true);
        self.head = Some(head.clone());
        Ok(())
    }

    /// One batch forward and backward, and one update: `maps` are `[batch, h, w, c]` of the endpoint, `targets`
    /// `[batch, outputs]`.
    ///
    /// # Errors
    /// [`Kind::NotTrained`] without a head; [`Kind::SourceWrongLength`] where lengths do not fit;
    /// [`Kind::TrainingDiverged`] for a loss that is no number, before weights move.
    pub fn step(&mut self, maps: &[f32], targets: &[f32], options: &StepOptions) -> Result<Score> {
        let batch = self.batch_of(maps, targets)?;
        if batch > self.batch_size {
            return Err(self.wrong_length(maps.len()));
        }
        let statistics = match self.batch_norm {
            BatchNorm::Frozen => Statistics::Moving,
            BatchNorm::Training => Statistics::Batch { momentum: self.momentum },
        };
        self.steps += 1;
        // Asked by themselves, because bends take NaN for a number.
        if !maps.iter().all(|value| value.is_finite()) {
            return Err(self.diverged("maps"));
        }
        self.runner.dropout = self.dropout(batch, options);
        let logits = self.forward(maps, batch, statistics)?;
        let mut gradient = vec![0.0; logits.len()];
        let mut score = self.score(&options.loss, &logits, targets, &mut gradient);
        let penalty = self.penalty(options.l2);
        score.loss += penalty;
        if !score.loss.is_finite() {
            return Err(self.diverged("a loss"));
        }
        let slot = run::of(&self.tape, &self.tape.gradients, self.logits(), batch);
        write_rows(bytemuck::cast_slice_mut(&mut self.runner.arena[slot]), &gradient, self.spec.classes);
        self.runner.backward(&self.graph, &self.tape, &self.variables, (batch, statistics));
        self.update(options);
        Ok(score)
    }

    /// How the network does on samples, as it is in inference, however many there are; the loss is with the penalty, and all
    /// samples count the same.
    ///
    /// # Errors
    /// As [`Tuner::step`], without [`Kind::TrainingDiverged`].
    pub fn loss(&mut self, maps: &[f32], targets: &[f32], options: &StepOptions) -> Result<Score> {
        self.batch_of(maps, targets)?;
        let logits = self.logits_of(maps)?;
        let mut gradient = vec![0.0; logits.len()];
        let score = self.score(&options.loss.unweighted(), &logits, targets, &mut gradient);
        Ok(Score { loss: score.loss + self.penalty(options.l2), ..score })
    }

    /// Probabilities, or numbers, `[samples, outputs]`.
    ///
    /// # Errors
    /// As [`Tuner::loss`].
    pub fn predict(&mut self, maps: &[f32]) -> Result<Vec<f32>> {
        let mut logits = self.logits_of(maps)?;
        logits.chunks_exact_mut(self.spec.classes).for_each(|logits| answer(self.task, logits));
        Ok(logits)
    }

    fn logits_of(&mut self, maps: &[f32]) -> Result<Vec<f32>> {
        let map = self.map_length();
        if !maps.len().is_multiple_of(map) {
            return Err(self.wrong_length(maps.len()));
        }
        self.runner.dropout.clear();
        let mut logits = Vec::new();
        for maps in maps.chunks(map * self.batch_size) {
            logits.extend(self.forward(maps, maps.len() / map, Statistics::Moving)?);
        }
        Ok(logits)
    }

    /// Keeps weights and statistics as they are now.
    pub fn keep(&mut self) {
        self.best = Some([self.variables.weights.clone(), self.variables.moving.clone()]);
    }

    /// Goes back to what was kept last.
    pub fn back(&mut self) {
        if let Some([weights, moving]) = &self.best {
            self.variables.weights.clone_from(weights);
            self.variables.moving.clone_from(moving);
            self.runner.turn(&self.tape, &self.variables, true);
        }
    }

    fn logits(&self) -> NodeId {
        self.tape.steps.last().map_or(0, |step| step.output)
    }

    /// Numbers of one map.
    fn map_length(&self) -> usize {
        let shape = self.shape();
        shape.pixels() * shape.channels
    }

    fn wrong_length(&self, found: usize) -> Error {
        Error::new(Kind::SourceWrongLength, "maps of a batch")
            .expected(format!(
                "{} numbers for each of 1 to {} maps of {}",
                self.map_length(),
                self.batch_size,
                self.shape()
            ))
            .found(found.to_string())
            .remedy("Pass [batch, height, width, channels], row by row.")
    }

    fn diverged(&self, cause: &str) -> Error {
        Error::new(Kind::TrainingDiverged, format!("batch {} of fine-tuning", self.steps))
            .expected("finite numbers")
            .found(format!("{cause} of NaN or infinity"))
            .remedy("Use a smaller learning rate, and go back to the best weights so far.")
    }

    fn batch_of(&self, maps: &[f32], targets: &[f32]) -> Result<usize> {
        if self.head.is_none() {
            return Err(not_trained());
        }
        let batch = maps.len() / self.map_length();
        if batch == 0 || batch * self.map_length() != maps.len() {
            return Err(self.wrong_length(maps.len()));
        }
        if targets.len() != batch * self.spec.classes {
            return Err(Error::new(Kind::SourceWrongLength, "targets of a batch")
                .expected(format!("{} numbers for each of {batch} maps", self.spec.classes))
                .found(targets.len().to_string()));
        }
        Ok(batch)
    }

    fn forward(&mut self, maps: &[f32], batch: usize, statistics: Statistics) -> Result<Vec<f32>> {
        if self.head.is_none() {
            return Err(not_trained());
        }
        let slot = run::of(&self.tape, &self.tape.values, self.place.input(), batch);
        let channels = self.shape().channels;
        write_rows(bytemuck::cast_slice_mut(&mut self.runner.arena[slot]), maps, channels);
        let run = (batch, statistics, self.spec.batch_norm_epsilon);
        self.runner.forward(&self.graph, &self.tape, &mut self.variables, run);
        let slot = run::of(&self.tape, &self.tape.values, self.logits(), batch);
        let padded: &[f32] = bytemuck::cast_slice(&self.runner.arena[slot]);
        let rows = padded.chunks_exact(padded.len() / batch);
        Ok(rows.flat_map(|row| &row[..self.spec.classes]).copied().collect())
    }

    fn score(&self, loss: &Loss, logits: &[f32], targets: &[f32], gradient: &mut [f32]) -> Score {
        let outputs = self.spec.classes;
        let rows = logits.chunks_exact(outputs).zip(targets.chunks_exact(outputs));
        let right = rows.filter(|(logits, targets)| is_right(self.task, logits, targets)).count();
        Score {
            loss: loss.batch(outputs, logits, targets, gradient),
            right: (self.task != Task::Regression).then_some(right),
            samples: logits.len() / outputs,
        }
    }
}

/// The endpoint that a head is.
const LOGITS: &str = "logits";

/// The most probable class, or each output on its side.
fn is_right(task: Task, logits: &[f32], targets: &[f32]) -> bool {
    match task {
        Task::Softmax => largest(logits) == largest(targets),
        _ => logits.iter().zip(targets).all(|(logit, target)| (*logit > 0.0) == (*target > 0.5)),
    }
}

/// Memory ends before the batch does.
fn too_large(tape: &Tape, batch_size: usize) -> Error {
    Error::new(Kind::BadOption, "batchSize")
        .expected("a batch whose maps and gradients fit into memory")
        .found(format!("{batch_size} maps, which take {} MiB", tape.bytes() >> 20))
        .remedy("Use smaller batches, or begin training at a later layer.")
}

fn not_trained() -> Error {
    Error::new(Kind::NotTrained, "head")
        .expected("a head on the network's features")
        .found("none")
        .remedy("Train a head first.")
}

/// Rows of `channels` numbers into rows padded to whole lanes.
fn write_rows(padded: &mut [f32], rows: &[f32], channels: usize) {
    for (to, from) in padded.chunks_exact_mut(channels.next_multiple_of(4)).zip(rows.chunks_exact(channels)) {
        to[..channels].copy_from_slice(from);
        to[channels..].fill(0.0);
    }
}

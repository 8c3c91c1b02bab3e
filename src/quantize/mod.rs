//! A network of floats → the same in integers of eight bits, by looking at what pictures make of its maps.
//!
//! [`Calibration`] computes the float network on sample pictures. `maps` says which nodes are to compute in integers,
//! `range` what the integers of each map stand for, `moments` and `rounding` turn weights into integers whose errors cancel
//! on what the layer really reads, and biases take what is left of the mean. The result is a file of [`weights`] that the
//! module for integers opens, and its [`Cost`] on the same pictures.

mod cost;
mod equalise;
mod maps;
mod moments;
mod range;
mod rounding;
mod runner;
mod write;

pub use cost::{Cost, Noise};

use crate::error::{Error, Kind, Result};
use crate::frame::{Frame, Preprocessor, View};
use crate::graph::{Graph, NodeId};
use crate::lane::{Body, Vec4};
use crate::weights::{self, Checkpoint};
use maps::Map;
use moments::Moments;
use range::{Histogram, Range};
use runner::Runner;
use write::Known;

/// A network of floats, and the pictures that it is to be quantised by.
pub struct Calibration<'c, 'a> {
    checkpoint: &'c Checkpoint<'a>,
    graph: Graph,
    preprocessor: Preprocessor,
    /// `[height, width, 3]` each.
    inputs: Vec<Vec<f32>>,
}

/// The maps of a picture by their nodes.
type Shown<'m> = dyn Fn(NodeId) -> Vec<f32> + 'm;

/// What comes of it.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// Safetensors.
    pub file: Vec<u8>,
    /// What is lost, on the pictures that it was calibrated by.
    pub cost: Cost,
}

impl<'c, 'a> Calibration<'c, 'a> {
    /// Of that network, without pictures yet.
    ///
    /// # Errors
    /// [`Kind::BadOption`] for a network that is quantised already, [`Kind::BadModel`].
    pub fn new(checkpoint: &'c Checkpoint<'a>) -> Result<Self> {
        if let Some(tensor) = checkpoint.tensors().find(|tensor| !tensor.dtype.is_float()) {
            return Err(Error::new(Kind::BadOption, "calibration")
                .expected("a network of floats")
                .found(format!("integers: tensor `{}` is {}", tensor.name, tensor.dtype.name()))
                .remedy(
                    "Leave calibration out to keep its integers, or quantise the float network that it was made from.",
                ));
        }
        let spec = &checkpoint.spec;
        Ok(Self {
            checkpoint,
            graph: Graph::build(spec)?,
            preprocessor: Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px),
            inputs: Vec::new(),
        })
    }

    /// Takes a picture, as the network is shown it.
    ///
    /// # Errors
    /// What is wrong with the frame, as one of the sources' kinds of [`Kind`].
    pub fn add(&mut self, frame: &Frame<'_>, view: &View) -> Result<()> {
        let mut pixels = vec![Vec4::default(); self.graph.nodes[0].shape.pixels()];
        self.preprocessor.run(Body::Simd, frame, view, &mut pixels)?;
        self.inputs.push(pixels.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]).collect());
        Ok(())
    }

    /// How many pictures there are.
    #[must_use]
    pub const fn pictures(&self) -> usize {
        self.inputs.len()
    }

    /// The network in integers.
    ///
    /// # Errors
    /// [`Kind::BadOption`] without pictures; what [`Checkpoint::parameter`] and [`Checkpoint::folded`] find.
    pub fn finish(&self) -> Result<Quantized> {
        if self.inputs.is_empty() {
            return Err(Error::new(Kind::BadOption, "calibration")
                .expected("a dozen pictures or more, such as the network will be shown")
                .found("none")
                .remedy("Add some: they say how large the numbers of each map become."));
        }
        let maps = maps::of(&self.graph);
        let mut runner = Runner::new(&self.graph, self.checkpoint, &maps)?;
        let mut largest: Vec<_> = maps.iter().map(|map| vec![0.0_f32; self.channels(map)]).collect();
        self.observe(&mut runner, &mut |of| {
            for (map, largest) in maps.iter().zip(&mut largest) {
                for pixel in of(map.last).chunks_exact(largest.len()) {
                    largest.iter_mut().zip(pixel).for_each(|(most, value)| *most = most.max(value.abs()));
                }
            }
        })?;
        let gains = equalise::gains(&self.graph, &maps, &largest);
        // A map as its integers will have it.
        let enlarged = |map: usize, mut values: Vec<f32>| {
            for pixel in values.chunks_exact_mut(gains[map].len().max(1)) {
                pixel.iter_mut().zip(&gains[map]).for_each(|(value, gain)| *value *= gain);
            }
            values
        };
        let mut ranges = vec![Range::EMPTY; maps.len()];
        self.observe(&mut runner, &mut |of| {
            for (at, (map, range)) in maps.iter().zip(&mut ranges).enumerate() {
                range.add(&enlarged(at, of(map.last)));
            }
        })?;
        let mut histograms: Vec<Histogram> = ranges.iter().map(|&range| Histogram::new(range)).collect();
        self.observe(&mut runner, &mut |of| {
            for (at, (map, histogram)) in maps.iter().zip(&mut histograms).enumerate() {
                histogram.add(&enlarged(at, of(map.last)));
            }
        })?;
        let steps: Vec<_> = maps.iter().zip(&histograms).map(|(map, histogram)| map.steps(histogram)).collect();
        let mut moments: Vec<_> = maps.iter().map(|map| Moments::new(&self.graph, map.first)).collect();
        self.observe(&mut runner, &mut |of| {
            for (map, moments) in maps.iter().zip(&mut moments) {
                let (Some(moments), Some(&input)) = (moments, map.inputs.first()) else { continue };
                let node = self.graph.nodes[map.first].inputs[0];
                moments.add(&enlarged(input, of(node)), steps[input].after);
            }
        })?;
        let known: Vec<Known> = (maps.into_iter().zip(steps))
            .zip(gains.into_iter().zip(moments))
            .map(|((map, steps), (gains, moments))| Known { map, steps, gains, moments })
            .collect();
        let file = write::file(self.checkpoint, &self.graph, &known)?;
        let cost = self.cost(&file)?;
        Ok(Quantized { file, cost })
    }

    fn channels(&self, map: &Map) -> usize {
        self.graph.nodes[map.last].shape.channels
    }

    /// Shows the maps of each picture by their nodes.
    fn observe(&self, runner: &mut Runner, see: &mut dyn FnMut(&Shown<'_>)) -> Result<()> {
        for input in &self.inputs {
            runner.run(input)?;
            see(&|node| if node == 0 { input.clone() } else { runner.map(node) });
        }
        Ok(())
    }

    /// What the written network makes of the pictures, against the floats.
    fn cost(&self, file: &[u8]) -> Result<Cost> {
        let written = weights::checkpoint(weights::read(file)?, &weights::Overrides::default())?;
        let mut runners = [
            Runner::of_endpoints(&self.graph, self.checkpoint)?,
            Runner::of_endpoints(&maps::quantized(&self.graph, &written), &written)?,
        ];
        let mut cost = Cost::new(&self.graph);
        for input in &self.inputs {
            let [floats, integers] = &mut runners;
            floats.run(input)?;
            integers.run(input)?;
            cost.add(&|index| [floats.output(index), integers.output(index)]);
        }
        Ok(cost)
    }
}

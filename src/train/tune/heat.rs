//! Where in a picture a network sees one of its own classes: the derivative of the class' logit by the last map, times that map.

use super::run::{self, Runner, Statistics};
use super::tape::Tape;
use super::variables::Variables;
use super::{LOGITS, too_large, write_rows};
use crate::error::{Error, Kind, Result};
use crate::graph::{Endpoint, Graph, NodeId, Op, Shape};
use crate::train::options::bad;
use crate::weights::{self, Overrides};

/// The end of a network, from the last map that has pixels on. Where that end is linear (V1, V2), what comes out is the
/// class activation map, so that its sum is the logit without its bias; V3 bends once in between.
pub struct Heat {
    graph: Graph,
    tape: Tape,
    variables: Variables,
    runner: Runner,
    endpoint: String,
    input: NodeId,
    logits: NodeId,
    epsilon: f32,
}

impl Heat {
    /// Reads what it needs of a file of weights, and keeps nothing else.
    ///
    /// # Errors
    /// As [`crate::Net::open`]; [`Kind::UnknownEndpoint`] for a network without classes.
    pub fn open(file: &[u8], overrides: &Overrides) -> Result<Self> {
        let checkpoint = weights::checkpoint(weights::read(file)?, overrides)?;
        let graph = Graph::build(&checkpoint.spec)?;
        let logits = graph.endpoint(LOGITS)?.node;
        let endpoint = last_map(&graph)?;
        let input = endpoint.node;
        // Nothing is trained: the first trained node would come behind the last.
        let variables = Variables::read(&graph, &checkpoint, input, (logits + 1, true))?;
        let tape = Tape::new(&graph, &variables, [input, logits], (1, true))?;
        let runner = Runner::new(&graph, &tape, &variables).ok_or_else(|| too_large(&tape, 1))?;
        let endpoint = endpoint.name.to_string();
        let epsilon = checkpoint.spec.batch_norm_epsilon;
        drop(checkpoint);
        Ok(Self { graph, tape, variables, runner, endpoint, input, logits, epsilon })
    }

    /// The endpoint whose map it takes.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What that map is.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.graph.nodes[self.input].shape
    }

    /// `[h, w]` of a map `[h, w, c]`: how much each pixel speaks for the logit of class `output`, or against it below 0.
    ///
    /// # Errors
    /// [`Kind::SourceWrongLength`] for another map; [`Kind::BadOption`] for a class that there is not.
    pub fn map(&mut self, map: &[f32], output: usize) -> Result<Vec<f32>> {
        let Shape { channels, .. } = self.shape();
        let (length, classes) = (self.shape().pixels() * channels, self.graph.nodes[self.logits].shape.channels);
        if map.len() != length {
            return Err(Error::new(Kind::SourceWrongLength, &*self.endpoint)
                .expected(format!("{length} numbers, a map of {}", self.shape()))
                .found(map.len().to_string()));
        }
        if output >= classes {
            return Err(bad("label", &format!("a class below {classes}"), output.to_string()));
        }
        let slot = run::of(&self.tape, &self.tape.values, self.input, 1);
        write_rows(bytemuck::cast_slice_mut(&mut self.runner.arena[slot]), map, channels);
        self.runner.forward(&self.graph, &self.tape, &mut self.variables, (1, Statistics::Moving, self.epsilon));
        let slot = run::of(&self.tape, &self.tape.gradients, self.logits, 1);
        let by_logits: &mut [f32] = bytemuck::cast_slice_mut(&mut self.runner.arena[slot]);
        by_logits.fill(0.0);
        by_logits[output] = 1.0;
        self.runner.backward(&self.graph, &self.tape, &self.variables, (1, Statistics::Moving));
        let slot = run::of(&self.tape, &self.tape.gradients, self.input, 1);
        let gradient: &[f32] = bytemuck::cast_slice(&self.runner.arena[slot]);
        let pixels = gradient.chunks_exact(channels.next_multiple_of(4)).zip(map.chunks_exact(channels));
        Ok(pixels.map(|(gradient, values)| gradient.iter().zip(values).map(|(a, b)| a * b).sum()).collect())
    }
}

/// The endpoint that the network takes the mean of, and sees no pixels of any more.
fn last_map(graph: &Graph) -> Result<&Endpoint> {
    let pool = graph.nodes.iter().rfind(|node| matches!(node.op, Op::GlobalPool(_)));
    let map = pool.and_then(|pool| graph.endpoints.iter().find(|endpoint| endpoint.node == pool.inputs[0]));
    map.ok_or_else(|| {
        Error::new(Kind::UnknownEndpoint, "heat map")
            .expected("a network whose last map is pooled")
            .found("none that is")
            .remedy("Take weights with a classifier.")
    })
}

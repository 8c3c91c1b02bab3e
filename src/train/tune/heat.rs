//! Where in a picture something speaks for a class, of the network or of a head on it: the derivative of the class' logit by
//! the last map, times that map.

use super::run::{self, Runner, Statistics};
use super::tape::Tape;
use super::variables::Variables;
use super::{too_large, write_rows};
use crate::error::{Error, Kind, Result};
use crate::graph::{Endpoint, Graph, NodeId, Op, Shape};
use crate::weights::{self, Overrides};

/// A network from the last map that has pixels to a vector. Where that way is linear (V1, V2), what comes out of it for the
/// logits is the class activation map, so that its sum is the logit without its bias; V3 bends once in between.
pub struct Heat {
    graph: Graph,
    tape: Tape,
    variables: Variables,
    runner: Runner,
    endpoint: String,
    input: NodeId,
    vector: NodeId,
    epsilon: f32,
}

impl Heat {
    /// Up to the vector of an endpoint. Reads what it needs of a file of weights, and keeps nothing else.
    ///
    /// # Errors
    /// As [`crate::Net::open`]; [`Kind::UnknownEndpoint`] for one that is not there, or that no pooled map comes before.
    pub fn open(file: &[u8], endpoint: &str, overrides: &Overrides) -> Result<Self> {
        let checkpoint = weights::checkpoint(weights::read(file)?, overrides)?;
        let graph = Graph::build(&checkpoint.spec)?;
        let vector = graph.endpoint(endpoint)?.node;
        let endpoint = last_map(&graph, vector)?;
        let (input, endpoint) = (endpoint.node, endpoint.name.clone());
        // Nothing is trained: the first trained node would come behind the last.
        let variables = Variables::read(&graph, &checkpoint, [input, vector], (vector + 1, true))?;
        let tape = Tape::new(&graph, &variables, [input, vector], (1, true))?;
        let runner = Runner::new(&graph, &tape, &variables).ok_or_else(|| too_large(&tape, 1))?;
        let epsilon = checkpoint.spec.batch_norm_epsilon;
        drop(checkpoint);
        Ok(Self { graph, tape, variables, runner, endpoint, input, vector, epsilon })
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

    /// `[h, w]` of a map `[h, w, c]`: how much each pixel speaks for a number, or against it below 0, whose derivatives by the
    /// vector are `slopes`. Of one of the vector's numbers itself that is 1, and 0 by all others.
    ///
    /// # Errors
    /// [`Kind::SourceWrongLength`] for another map, or slopes of another vector.
    pub fn map(&mut self, map: &[f32], slopes: &[f32]) -> Result<Vec<f32>> {
        let Shape { channels, .. } = self.shape();
        let vector = self.graph.nodes[self.vector].shape;
        for (shape, found) in [(self.shape(), map.len()), (vector, slopes.len())] {
            let length = shape.pixels() * shape.channels;
            if found != length {
                return Err(Error::new(Kind::SourceWrongLength, &*self.endpoint)
                    .expected(format!("{length} numbers, {shape}"))
                    .found(found.to_string()));
            }
        }
        let slot = run::of(&self.tape, &self.tape.values, self.input, 1);
        write_rows(bytemuck::cast_slice_mut(&mut self.runner.arena[slot]), map, channels);
        self.runner.forward(&self.graph, &self.tape, &mut self.variables, (1, Statistics::Moving, self.epsilon));
        let slot = run::of(&self.tape, &self.tape.gradients, self.vector, 1);
        write_rows(bytemuck::cast_slice_mut(&mut self.runner.arena[slot]), slopes, vector.channels);
        self.runner.backward(&self.graph, &self.tape, &self.variables, (1, Statistics::Moving));
        let slot = run::of(&self.tape, &self.tape.gradients, self.input, 1);
        let gradient: &[f32] = bytemuck::cast_slice(&self.runner.arena[slot]);
        let pixels = gradient.chunks_exact(channels.next_multiple_of(4)).zip(map.chunks_exact(channels));
        Ok(pixels.map(|(gradient, values)| gradient.iter().zip(values).map(|(a, b)| a * b).sum()).collect())
    }
}

/// The endpoint that a network takes the mean of before that node, and sees no pixels of any more.
fn last_map(graph: &Graph, vector: NodeId) -> Result<&Endpoint> {
    let pool = graph.nodes[..=vector].iter().rfind(|node| matches!(node.op, Op::GlobalPool(_)));
    let map = pool.and_then(|pool| graph.endpoints.iter().find(|endpoint| endpoint.node == pool.inputs[0]));
    map.filter(|_| graph.nodes[vector].shape.pixels() == 1).ok_or_else(|| {
        Error::new(Kind::UnknownEndpoint, "heat map").expected("an endpoint behind a pooled map").found("a map")
    })
}

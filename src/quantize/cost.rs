//! What a network in integers loses of its floats.

use crate::graph::Graph;

/// How far an endpoint is off.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// Its name.
    pub endpoint: String,
    signal: f64,
    noise: f64,
}

impl Noise {
    /// The signal's power over that of the error, in dB.
    #[must_use]
    pub fn decibels(&self) -> f64 {
        10.0 * (self.signal / self.noise).log10()
    }
}

/// What is lost on some pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// How many pictures.
    pub pictures: usize,
    /// Of how many the first label stays.
    pub agreeing: usize,
    /// The largest difference of a logit.
    pub logits: f32,
    /// The largest difference of a probability.
    pub probabilities: f32,
    /// Every endpoint, in the order in which they are computed.
    pub endpoints: Vec<Noise>,
}

impl Cost {
    pub(super) fn new(graph: &Graph) -> Self {
        let noise =
            |endpoint: &crate::graph::Endpoint| Noise { endpoint: endpoint.name.clone(), signal: 0.0, noise: 0.0 };
        let endpoints = graph.endpoints.iter().map(noise).collect();
        Self { pictures: 0, agreeing: 0, logits: 0.0, probabilities: 0.0, endpoints }
    }

    /// Takes a picture's maps: by the endpoint's place, that of floats and that of integers.
    pub(super) fn add(&mut self, maps: &dyn Fn(usize) -> [Vec<f32>; 2]) {
        self.pictures += 1;
        for (index, row) in self.endpoints.iter_mut().enumerate() {
            let [floats, integers] = maps(index);
            let mut most = 0.0_f32;
            for (a, b) in floats.iter().zip(&integers) {
                row.signal += f64::from(*a) * f64::from(*a);
                row.noise += f64::from(a - b) * f64::from(a - b);
                most = most.max((a - b).abs());
            }
            match &*row.endpoint {
                "logits" => {
                    self.logits = self.logits.max(most);
                    self.agreeing += usize::from(first(&floats) == first(&integers));
                }
                "predictions" => self.probabilities = self.probabilities.max(most),
                _ => {}
            }
        }
    }
}

/// Where the largest is.
fn first(values: &[f32]) -> Option<usize> {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]))
}

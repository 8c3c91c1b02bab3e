//! Heat maps of a network's own classes and of features for heads: by formula where the way to them is linear, by central
//! differences where it bends.

mod seeded;

use mobilenet_web::Kind;
use mobilenet_web::train::tune::Heat;
use mobilenet_web::weights::{self, Overrides};

/// Single precision against double, sums of some hundred products.
const TOLERANCE: f64 = 1e-4;
const STEP: f64 = 1e-4;

struct Opened {
    heat: Heat,
    /// Numbers of the vector.
    length: usize,
    map: Vec<f32>,
    tensors: Vec<(String, Vec<f64>)>,
}

fn open(name: &str, endpoint: &str) -> Opened {
    let cases = seeded::cases(&seeded::committed());
    let case = cases.into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"));
    let overrides = Overrides { height_px: Some(case.height), width_px: Some(case.width), ..Overrides::default() };
    let file = case.safetensors();
    let heat = Heat::open(&file, endpoint, &overrides).expect("an end");
    let checkpoint = weights::checkpoint(weights::read(&file).expect("a file"), &overrides).expect("a checkpoint");
    let graph = mobilenet_web::graph::Graph::build(&checkpoint.spec).expect("a graph");
    let tensors = (0..graph.nodes.len()).flat_map(|id| graph.parameters(id)).map(|it| {
        let values = checkpoint.parameter(&it.name, &it.shape).expect("a tensor");
        (it.name, values.into_iter().map(f64::from).collect())
    });
    let tensors = tensors.collect();
    let shape = heat.shape();
    let map = seeded::numbers("map", shape.pixels() * shape.channels).into_iter().map(|value| value + 0.5).collect();
    let length = graph.nodes[graph.endpoint(endpoint).expect("an endpoint").node].shape.channels;
    Opened { heat, length, map, tensors }
}

impl Opened {
    fn tensor(&self, name: &str) -> &[f64] {
        let names: Vec<&str> = self.tensors.iter().map(|tensor| &*tensor.0).collect();
        let found = self.tensors.iter().find(|tensor| tensor.0 == name);
        &found.unwrap_or_else(|| panic!("no {name} among {names:?}")).1
    }

    /// The means of the map's channels.
    fn pooled(&self) -> Vec<f64> {
        let shape = self.heat.shape();
        let channel =
            |c: usize| self.map.iter().skip(c).step_by(shape.channels).map(|value| f64::from(*value)).sum::<f64>();
        (0..shape.channels).map(|c| channel(c) / shape.pixels() as f64).collect()
    }

    /// The heat map of one of the vector's numbers.
    fn of(&mut self, output: usize) -> Vec<f32> {
        let slopes: Vec<f32> = (0..self.length).map(|index| f32::from(index == output)).collect();
        self.heat.map(&self.map, &slopes).expect("a heat map")
    }

    /// It is the one that follows from the derivatives by the pooled map.
    fn agree(&self, found: &[f32], slopes: &[f64]) {
        let shape = self.heat.shape();
        assert_eq!(found.len(), shape.pixels());
        for (found, pixel) in found.iter().zip(self.map.chunks(shape.channels)) {
            let expected: f64 = pixel.iter().zip(slopes).map(|(value, slope)| f64::from(*value) * slope).sum();
            let expected = expected / shape.pixels() as f64;
            assert!(
                (f64::from(*found) - expected).abs() < TOLERANCE * (1.0 + expected.abs()),
                "{found} for {expected}"
            );
        }
        assert!(found.iter().any(|value| *value != found[0]), "{found:?}");
    }
}

/// Row `output` of a layer `[outputs, inputs]`.
fn row(weights: &[f64], inputs: usize, output: usize) -> &[f64] {
    &weights[output * inputs..][..inputs]
}

#[test]
fn of_v2_it_is_the_class_activation_map() {
    let mut opened = open("keras-v2-0.35-96x160", "logits");
    assert_eq!(opened.heat.endpoint(), "layer_19");
    for output in [0, 7] {
        let slopes = row(opened.tensor("logits/weights"), 1280, output).to_vec();
        let found = opened.of(output);
        opened.agree(&found, &slopes);
        // What all pixels say together is the logit.
        let sum: f32 = found.iter().sum();
        let logit: f64 = opened.pooled().iter().zip(&slopes).map(|(a, b)| a * b).sum();
        assert!((f64::from(sum) - logit).abs() < TOLERANCE * (1.0 + logit.abs()), "{sum} for {logit}");
    }
}

/// Networks whose vector lies behind a layer that bends: their last map, and that layer.
const V3: [(&str, &str, &str); 2] =
    [("keras-v3-small-0.35-129x97", "layer_13", "layer_15"), ("keras-v3-large-0.5-160x160", "layer_17", "layer_19")];

/// The units of that layer, of a pooled map.
fn units(opened: &Opened, behind: &str, pooled: &[f64]) -> Vec<f64> {
    let [weights, biases] = ["weights", "biases"].map(|end| opened.tensor(&format!("{behind}/{end}")));
    let unit = |(index, bias): (usize, &f64)| {
        let value = bias + row(weights, pooled.len(), index).iter().zip(pooled).map(|(a, b)| a * b).sum::<f64>();
        value * (value + 3.0).clamp(0.0, 6.0) / 6.0
    };
    biases.iter().enumerate().map(unit).collect()
}

/// The derivatives of what `last` makes of them, by the pooled map.
fn slopes_through(opened: &Opened, behind: &str, last: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let pooled = opened.pooled();
    let slope = |at: usize| {
        let moved = |step: f64| {
            let mut pooled = pooled.clone();
            pooled[at] += step;
            last(&units(opened, behind, &pooled))
        };
        (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
    };
    (0..pooled.len()).map(slope).collect()
}

#[test]
fn of_v3_it_goes_through_the_layer_behind_the_mean() {
    for (name, map, behind) in V3 {
        let mut opened = open(name, "logits");
        assert_eq!(opened.heat.endpoint(), map);
        for output in [1, 9] {
            let last = row(opened.tensor("logits/weights"), opened.tensor(&format!("{behind}/biases")).len(), output);
            let slopes = slopes_through(&opened, behind, |units| units.iter().zip(last).map(|(a, b)| a * b).sum());
            let found = opened.of(output);
            opened.agree(&found, &slopes);
        }
    }
}

#[test]
fn a_head_on_v3s_features_sees_through_it_too() {
    for (name, map, behind) in V3 {
        let mut opened = open(name, "global_pool");
        assert_eq!(opened.heat.endpoint(), map);
        // A head that is not linear: by a sine of what a dense layer makes of the features.
        let weights: Vec<f64> = seeded::numbers("head", opened.length).into_iter().map(f64::from).collect();
        let sum = |units: &[f64]| units.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>();
        let slopes = slopes_through(&opened, behind, |units| sum(units).sin());
        let outer = sum(&units(&opened, behind, &opened.pooled())).cos();
        let by_features: Vec<f32> = weights.iter().map(|weight| (weight * outer) as f32).collect();
        let found = opened.heat.map(&opened.map, &by_features).expect("a heat map");
        opened.agree(&found, &slopes);
    }
}

#[test]
fn of_means_it_is_linear() {
    // What trainers compute by themselves, without the file.
    let mut opened = open("keras-v2-0.35-96x160", "global_pool");
    let slopes = seeded::numbers("head", opened.length);
    let found = opened.heat.map(&opened.map, &slopes).expect("a heat map");
    opened.agree(&found, &slopes.into_iter().map(f64::from).collect::<Vec<_>>());
}

#[test]
fn what_is_not_there_is_told() {
    let Opened { mut heat, length, map, .. } = open("keras-v2-0.35-96x160", "logits");
    let slopes = vec![0.0; length];
    for (map, slopes) in [(&map[1..], &slopes[..]), (&map[..], &slopes[1..])] {
        assert_eq!(heat.map(map, slopes).map_err(|why| why.kind()), Err(Kind::SourceWrongLength));
    }
    let cases = seeded::cases(&seeded::committed());
    let opened = |name: &str, endpoint: &str| {
        let case = cases.iter().find(|case| case.name == name).expect("a case");
        let overrides = Overrides { height_px: Some(case.height), width_px: Some(case.width), ..Overrides::default() };
        Heat::open(&case.safetensors(), endpoint, &overrides).map(|heat| heat.endpoint().to_string())
    };
    // A network without a classifier has no logits, but features.
    let headless = "keras-v3-small-1.4-96x160-top_max";
    assert_eq!(opened(headless, "logits").map_err(|why| why.kind()), Err(Kind::UnknownEndpoint));
    assert_eq!(opened(headless, "global_pool").as_deref().ok(), Some("layer_13"));
    // Maps, with and without one before them that is pooled.
    for endpoint in ["layer_2", "layer_13"] {
        assert_eq!(opened(headless, endpoint).map_err(|why| why.kind()), Err(Kind::UnknownEndpoint), "{endpoint}");
    }
}

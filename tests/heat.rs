//! Heat maps of a network's own classes: by formula where the end is linear, by central differences where it bends.

mod seeded;

use mobilenet_web::Kind;
use mobilenet_web::train::tune::Heat;
use mobilenet_web::weights::{self, Overrides};

/// Single precision against double, sums of some hundred products.
const TOLERANCE: f64 = 1e-4;
const STEP: f64 = 1e-4;

struct Opened {
    heat: Heat,
    map: Vec<f32>,
    tensors: Vec<(String, Vec<f64>)>,
}

fn open(name: &str) -> Opened {
    let cases = seeded::cases(&seeded::committed());
    let case = cases.into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"));
    let overrides = Overrides { height_px: Some(case.height), width_px: Some(case.width), ..Overrides::default() };
    let file = case.safetensors();
    let heat = Heat::open(&file, &overrides).expect("an end");
    let checkpoint = weights::checkpoint(weights::read(&file).expect("a file"), &overrides).expect("a checkpoint");
    let graph = mobilenet_web::graph::Graph::build(&checkpoint.spec).expect("a graph");
    let tensors = (0..graph.nodes.len()).flat_map(|id| graph.parameters(id)).map(|it| {
        let values = checkpoint.parameter(&it.name, &it.shape).expect("a tensor");
        (it.name, values.into_iter().map(f64::from).collect())
    });
    let tensors = tensors.collect();
    let shape = heat.shape();
    let map = seeded::numbers("map", shape.pixels() * shape.channels).into_iter().map(|value| value + 0.5).collect();
    Opened { heat, map, tensors }
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

    /// The heat map that follows from a logit's derivatives by the pooled map.
    fn agree(&mut self, output: usize, slopes: &[f64]) {
        let found = self.heat.map(&self.map, output).expect("a heat map");
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
    let mut opened = open("keras-v2-0.35-96x160");
    assert_eq!(opened.heat.endpoint(), "layer_19");
    for output in [0, 7] {
        let slopes = row(opened.tensor("logits/weights"), 1280, output).to_vec();
        opened.agree(output, &slopes);
        // What all pixels say together is the logit.
        let sum: f32 = opened.heat.map(&opened.map, output).expect("a heat map").iter().sum();
        let logit: f64 = opened.pooled().iter().zip(&slopes).map(|(a, b)| a * b).sum();
        assert!((f64::from(sum) - logit).abs() < TOLERANCE * (1.0 + logit.abs()), "{sum} for {logit}");
    }
}

#[test]
fn of_v3_it_goes_through_the_layer_behind_the_mean() {
    for (name, map, behind) in
        [("keras-v3-small-0.35-129x97", "layer_13", "layer_15"), ("keras-v3-large-0.5-160x160", "layer_17", "layer_19")]
    {
        let mut opened = open(name);
        assert_eq!(opened.heat.endpoint(), map);
        let pooled = opened.pooled();
        let [weights, biases] = ["weights", "biases"].map(|end| opened.tensor(&format!("{behind}/{end}")).to_vec());
        let last = opened.tensor("logits/weights").to_vec();
        for output in [1, 9] {
            let logit = |pooled: &[f64]| -> f64 {
                let unit = |index: usize| {
                    let sum = row(&weights, pooled.len(), index).iter().zip(pooled).map(|(a, b)| a * b).sum::<f64>();
                    let value = sum + biases[index];
                    value * (value + 3.0).clamp(0.0, 6.0) / 6.0
                };
                let units = (0..biases.len()).map(unit);
                units.zip(row(&last, biases.len(), output)).map(|(unit, weight)| unit * weight).sum()
            };
            let slope = |at: usize| {
                let moved = |step: f64| {
                    let mut pooled = pooled.clone();
                    pooled[at] += step;
                    logit(&pooled)
                };
                (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
            };
            let slopes: Vec<f64> = (0..pooled.len()).map(slope).collect();
            opened.agree(output, &slopes);
        }
    }
}

#[test]
fn what_is_not_there_is_told() {
    let mut opened = open("keras-v2-0.35-96x160");
    let Opened { heat, map, .. } = &mut opened;
    assert_eq!(heat.map(&map[1..], 0).map_err(|why| why.kind()), Err(Kind::SourceWrongLength));
    assert_eq!(heat.map(map, 10).map_err(|why| why.kind()), Err(Kind::BadOption));
    // A network without a classifier.
    let cases = seeded::cases(&seeded::committed());
    let case = cases.into_iter().find(|case| case.name == "keras-v3-small-1.4-96x160-top_max").expect("a case");
    let overrides = Overrides { height_px: Some(case.height), width_px: Some(case.width), ..Overrides::default() };
    let kind = Heat::open(&case.safetensors(), &overrides).err().map(|why| why.kind());
    assert_eq!(kind, Some(Kind::UnknownEndpoint));
}

//! The network: Keras's V2 0.35 for 96 px and five classes, its numbers from its tensors' names as
//! `tools/golden/seeded.py` has them, and what each framework calls them.

use crate::seeded;
use crate::tensorflow_common::Values;

pub const SIDE: usize = 96;
pub const EPSILON: f32 = 1e-3;
pub const CLASSES: [&str; 5] = ["heron", "otter", "lynx", "marten", "plover"];

/// A convolution and its batch norm, or the classifier.
pub struct Layer {
    pub keras: (String, String),
    pub torch: (String, String),
    pub slim: String,
    /// `[out, in of each group, side, side]`.
    pub shape: [usize; 4],
    pub stride: usize,
    /// ReLU6 follows.
    pub clip: bool,
    /// The layer whose output is added to this one's.
    pub adds: Option<usize>,
}

impl Layer {
    pub fn depthwise(&self) -> bool {
        self.keras.0.ends_with("depthwise")
    }

    pub fn dense(&self) -> bool {
        self.keras.0 == "predictions"
    }
}

fn rounded(channels: usize) -> usize {
    let wanted = channels as f64 * 0.35;
    let rounded = 8.max((wanted + 4.0) as usize / 8 * 8);
    if (rounded as f64) < 0.9 * wanted { rounded + 8 } else { rounded }
}

pub fn layers() -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut put = |keras: (&str, &str), torch: (&str, &str), slim: &str, shape, stride, clip, adds| {
        let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        layers.push(Layer { keras: own(keras), torch: own(torch), slim: slim.into(), shape, stride, clip, adds });
        layers.len() - 1
    };
    let mut input = rounded(32);
    let stem = ("features.0.0", "features.0.1");
    let mut last = put(("Conv1", "bn_Conv1"), stem, "MobilenetV2/Conv", [input, 3, 3, 3], 2, true, None);
    let mut block = 0;
    for (factor, channels, repeats, stride) in
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            let (wide, out) = (input * factor, rounded(channels));
            let keras = if block == 0 { "expanded_conv".into() } else { format!("block_{block}") };
            let slim = if block == 0 { String::new() } else { format!("_{block}") };
            let torch = format!("features.{}.conv", block + 1);
            let mut place = 0;
            let mut row = |part: &str, shape, stride, clip, adds| {
                let name = format!("{keras}_{part}");
                let norm = format!("{name}_BN");
                // The last convolution of a block is no group of its own.
                let inner = |end: &str| format!("{torch}.{place}.{end}");
                let pair = if part == "project" {
                    (format!("{torch}.{place}"), format!("{torch}.{}", place + 1))
                } else {
                    (inner("0"), inner("1"))
                };
                place += 1;
                let slim = format!("MobilenetV2/expanded_conv{slim}/{part}");
                put((&name, &norm), (&pair.0, &pair.1), &slim, shape, stride, clip, adds)
            };
            if factor > 1 {
                row("expand", [wide, input, 1, 1], 1, true, None);
            }
            row("depthwise", [wide, 1, 3, 3], stride, true, None);
            let adds = (repeat > 0).then_some(last);
            last = row("project", [out, wide, 1, 1], 1, false, adds);
            (input, block) = (out, block + 1);
        }
    }
    let torch = ("features.18.0", "features.18.1");
    put(("Conv_1", "Conv_1_bn"), torch, "MobilenetV2/Conv_1", [1280, input, 1, 1], 1, true, None);
    let top = ("predictions", "");
    let shape = [CLASSES.len(), 1280, 1, 1];
    put(top, ("classifier.1", ""), "MobilenetV2/Logits/Conv2d_1c_1x1", shape, 1, false, None);
    layers
}

/// Gamma, beta, mean and variance of a layer.
pub fn norm(layer: &Layer) -> [Values; 4] {
    ["gamma", "beta", "moving_mean", "moving_variance"]
        .map(|end| seeded_values(format!("{}/{end}", layer.keras.1), vec![layer.shape[0]]))
}

fn seeded_values(name: String, shape: Vec<usize>) -> Values {
    Values { data: seeded::tensor(&name, &shape), name, shape }
}

/// Weights as Keras has them.
pub fn kernel(layer: &Layer) -> Values {
    let [out, input, height, width] = layer.shape;
    let name = &layer.keras.0;
    if layer.dense() {
        return seeded_values(format!("{name}/kernel"), vec![input, out]);
    }
    if layer.depthwise() {
        return seeded_values(format!("{name}/depthwise_kernel"), vec![height, width, out, 1]);
    }
    seeded_values(format!("{name}/kernel"), vec![height, width, input, out])
}

pub fn biases(layer: &Layer) -> Values {
    seeded_values(format!("{}/bias", layer.keras.0), vec![layer.shape[0]])
}

/// The weights as `[out, in, height, width]`.
pub fn turned(layer: &Layer) -> Vec<f32> {
    let [out, input, height, width] = layer.shape;
    let kernel = kernel(layer).data;
    let mut turned = Vec::with_capacity(kernel.len());
    for o in 0..out {
        for i in 0..input {
            for tap in 0..height * width {
                let depthwise = layer.depthwise();
                turned.push(kernel[if depthwise { tap * out + o } else { (tap * input + i) * out + o }]);
            }
        }
    }
    turned
}

/// Every tensor under Keras's names, in its order.
pub fn keras() -> Vec<Values> {
    layers()
        .iter()
        .flat_map(|layer| {
            let rest = if layer.dense() { vec![biases(layer)] } else { norm(layer).into() };
            std::iter::once(kernel(layer)).chain(rest)
        })
        .collect()
}

/// The same under TF-slim's.
pub fn slim() -> Vec<Values> {
    layers()
        .iter()
        .flat_map(|layer| {
            let named = |end: &str, values: Values| Values { name: format!("{}/{end}", layer.slim), ..values };
            let end = if layer.depthwise() { "depthwise_weights" } else { "weights" };
            let mut weights = named(end, kernel(layer));
            let rest = if layer.dense() {
                weights.shape = vec![1, 1, weights.shape[0], weights.shape[1]];
                vec![named("biases", biases(layer))]
            } else {
                norm(layer)
                    .map(|values| {
                        let end = values.name.rsplit('/').next().expect("a name").to_owned();
                        named(&format!("BatchNorm/{end}"), values)
                    })
                    .into()
            };
            std::iter::once(weights).chain(rest)
        })
        .collect()
}

/// The same under torchvision's, in its layout.
pub fn torch() -> Vec<Values> {
    layers()
        .iter()
        .flat_map(|layer| {
            let (conv, norm_name) = &layer.torch;
            let shape = layer.shape[..if layer.dense() { 2 } else { 4 }].to_vec();
            let weights = Values { name: format!("{conv}.weight"), shape, data: turned(layer) };
            let rest = if layer.dense() {
                vec![Values { name: format!("{conv}.bias"), ..biases(layer) }]
            } else {
                let ends = ["weight", "bias", "running_mean", "running_var"];
                let named = |(values, end)| Values { name: format!("{norm_name}.{end}"), ..values };
                norm(layer).into_iter().zip(ends).map(named).collect()
            };
            std::iter::once(weights).chain(rest)
        })
        .collect()
}

/// Weights `[out, in, height, width]` and offsets with the batch norm in them, by the rule by which this crate packs.
pub fn folded(layer: &Layer) -> (Vec<f32>, Vec<f32>) {
    if layer.dense() {
        return (turned(layer), biases(layer).data);
    }
    let [gamma, beta, mean, variance] = norm(layer).map(|values| values.data);
    let scale = |o: usize| f64::from(gamma[o]) / (f64::from(variance[o]) + f64::from(EPSILON)).sqrt();
    let each = layer.shape[1..].iter().product::<usize>();
    let weights = turned(layer).iter().enumerate().map(|(at, weight)| weight * scale(at / each) as f32).collect();
    let offsets = (0..gamma.len()).map(|o| (f64::from(beta[o]) - f64::from(mean[o]) * scale(o)) as f32).collect();
    (weights, offsets)
}

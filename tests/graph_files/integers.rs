//! Quantised networks written on the spot, every number of which a test may change.
#![allow(dead_code, reason = "each test binary uses another part")]

use super::tflite::{Fb, Model, floats, int, ints, longs};

/// Scale and zero point of a map or of weights.
pub type Steps = (f32, i64);

const WEIGHTS: Steps = (0.006, 128);

/// A network while it is written: signed or not, and what becomes of each tensor's scale and zero point.
pub struct Writer<'c> {
    pub model: Model,
    signed: bool,
    change: &'c dyn Fn(&str, Steps) -> Option<Steps>,
    seed: u32,
}

impl<'c> Writer<'c> {
    fn kind(&self) -> u8 {
        if self.signed { 9 } else { 3 }
    }

    fn steps(&self, name: &str, (scale, zero): Steps) -> Fb {
        // As given for 0 … 255.
        let zero = if self.signed { zero - 128 } else { zero };
        (self.change)(name, (scale, zero))
            .map_or(Fb::None, |(scale, zero)| Fb::Table(vec![Fb::None, Fb::None, floats(&[scale]), longs(&[zero])]))
    }

    fn map(&mut self, name: &str, shape: &[i32], steps: Steps) -> i32 {
        let steps = self.steps(name, steps);
        self.model.tensor(shape, self.kind(), None, steps)
    }

    fn byte(&mut self) -> u8 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 24) as u8
    }

    fn weights(&mut self, shape: &[i32]) -> i32 {
        let count = shape.iter().product::<i32>() as usize;
        let bytes: Vec<u8> = (0..count).map(|_| self.byte()).collect();
        let steps = self.steps("weights", WEIGHTS);
        self.model.tensor(shape, self.kind(), Some(Fb::Raw(bytes, count)), steps)
    }

    /// In the steps of the products that they are added to.
    fn biases(&mut self, count: i32, scale: f32) -> i32 {
        let values: Vec<i32> = (0..count).map(|_| i32::from(self.byte()) * 16 - 1000).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let length = bytes.len();
        let steps = Fb::Table(vec![Fb::None, Fb::None, floats(&[scale * WEIGHTS.0]), longs(&[0])]);
        self.model.tensor(&[count], 2, Some(Fb::Raw(bytes, length)), steps)
    }

    fn convolution(
        &mut self,
        (from, scale): (i32, f32),
        weights: [i32; 4],
        (name, out, steps): (&str, [i32; 4], Steps),
        stride: i32,
    ) -> i32 {
        let depthwise = weights[0] == 1;
        let (kernel, biases) = (self.weights(&weights), self.biases(out[3], scale));
        let map = self.map(name, &out, steps);
        let mut options = vec![Fb::Byte(0), int(stride), int(stride)];
        options.extend(depthwise.then_some(int(1)));
        self.model.operator(if depthwise { 4 } else { 3 }, &[from, kernel, biases], map, Fb::Table(options));
        map
    }
}

/// A small network of its own table: a stem, a separable row, a residual with hard-swish, a classifier of five. ReLU6 is
/// in the ranges. `change` sees each tensor's name, scale and zero point, and may take them away.
pub fn small(signed: bool, change: &dyn Fn(&str, Steps) -> Option<Steps>) -> Vec<u8> {
    let mut writer = Writer { model: Model::new(), signed, change, seed: 1 };
    let relu6 = (6.0 / 255.0, 0);
    let input = writer.map("input", &[1, 32, 32, 3], (1.0 / 128.0, 128));
    let map = writer.convolution((input, 1.0 / 128.0), [8, 3, 3, 3], ("stem", [1, 16, 16, 8], relu6), 2);
    let map = writer.convolution((map, relu6.0), [1, 3, 3, 8], ("depthwise", [1, 16, 16, 8], relu6), 1);
    let block = writer.convolution((map, relu6.0), [12, 1, 1, 8], ("pointwise", [1, 16, 16, 12], relu6), 1);
    let map = writer.convolution((block, relu6.0), [20, 1, 1, 12], ("expand", [1, 16, 16, 20], (0.06, 110)), 1);
    let bent = writer.map("hard_swish", &[1, 16, 16, 20], (0.04, 10));
    writer.model.operator(117, &[map], bent, Fb::None);
    let map = writer.convolution((bent, 0.04), [1, 3, 3, 20], ("second", [1, 16, 16, 20], (0.07, 120)), 1);
    let bent = writer.map("hard_swish", &[1, 16, 16, 20], (0.05, 8));
    writer.model.operator(117, &[map], bent, Fb::None);
    let map = writer.convolution((bent, 0.05), [12, 1, 1, 20], ("project", [1, 16, 16, 12], (0.08, 130)), 1);
    let sum = writer.map("sum", &[1, 16, 16, 12], (0.09, 90));
    writer.model.operator(0, &[block, map], sum, Fb::None);
    let axes = writer.model.tensor(&[2], 2, Some(Fb::Raw([1, 0, 0, 0, 2, 0, 0, 0].to_vec(), 8)), Fb::None);
    let pool = writer.map("pool", &[1, 12], (0.05, 60));
    writer.model.operator(40, &[sum, axes], pool, Fb::None);
    let (matrix, biases) = (writer.weights(&[5, 12]), writer.biases(5, 0.05));
    let logits = writer.map("logits", &[1, 5], (0.06, 100));
    writer.model.operator(9, &[pool, matrix, biases], logits, Fb::None);
    let output = writer.map("output", &[1, 5], (1.0 / 256.0, 0));
    writer.model.operator(25, &[logits], output, Fb::None);
    writer.model.outputs = vec![output];
    writer.model.file()
}

/// Keeps everything.
pub fn kept(_: &str, steps: Steps) -> Option<Steps> {
    Some(steps)
}

/// Numbers of a shape, for tests that write tensors of their own.
pub fn shape(sides: &[i32]) -> Fb {
    ints(sides)
}

//! Networks of a few thousand numbers: small enough for thousands of runs a second.

use crate::seeded;
use crate::tensorflow_common::Values;
use crate::weights_common::torchvision_v2;

/// Names and numbers of Keras's V1 at a 25th of its width.
pub fn small() -> Vec<Values> {
    let width = |channels: usize| channels / 25;
    let mut tensors = Vec::new();
    let mut put = |name: String, shape: Vec<usize>| {
        tensors.push(Values { data: seeded::tensor(&name, &shape), name, shape });
    };
    let norm = |name: String, channels: usize, put: &mut dyn FnMut(String, Vec<usize>)| {
        for end in ["gamma", "beta", "moving_mean", "moving_variance"] {
            put(format!("{name}_bn/{end}"), vec![channels]);
        }
    };
    put("conv1/kernel".into(), vec![3, 3, 3, width(32)]);
    norm("conv1".into(), width(32), &mut put);
    let mut input = width(32);
    for (index, channels) in [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024].into_iter().enumerate()
    {
        let row = index + 1;
        put(format!("conv_dw_{row}/depthwise_kernel"), vec![3, 3, input, 1]);
        norm(format!("conv_dw_{row}"), input, &mut put);
        put(format!("conv_pw_{row}/kernel"), vec![1, 1, input, width(channels)]);
        input = width(channels);
        norm(format!("conv_pw_{row}"), input, &mut put);
    }
    put("conv_preds/kernel".into(), vec![1, 1, input, 3]);
    put("conv_preds/bias".into(), vec![3]);
    tensors
}

/// Names and shapes alone, of torchvision's V2 at a twentieth of its width.
pub fn small_torch() -> Vec<Values> {
    let values = |(name, shape): (String, Vec<usize>)| Values { data: seeded::tensor(&name, &shape), name, shape };
    torchvision_v2(0.05, 2).into_iter().map(values).collect()
}

//! Whole networks without weights: endpoints, batches, descriptions and refusals, over the family.

use mobilenet_web::model::{Block, Spec, Version};
use mobilenet_web::weights::Overrides;
use mobilenet_web::{Choice, Fit, Frame, Net, Options, Tensor, View};
use std::collections::BTreeMap;

const AS_IS: View = View { fit: Fit::AsIs, background: [255; 3] };

const FAMILY: [Version; 6] = [
    Version::V1,
    Version::V2,
    Version::V3Large,
    Version::V3Small,
    Version::V3LargeMinimalistic,
    Version::V3SmallMinimalistic,
];

fn small(version: Version) -> Spec {
    Spec { multiplier: 0.35, height_px: 64, width_px: 96, classes: 11, ..Spec::new(version) }
}

fn net(spec: Spec, backend: Choice) -> Net {
    Net::synthetic(spec, &Options { backend, ..Options::default() }).expect("a valid spec")
}

/// Bytes without a pattern that a network could confuse.
fn picture(height_px: usize, width_px: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..height_px * width_px).flat_map(|_| [byte(), byte(), byte(), 255]).collect()
}

fn infer(net: &mut Net, rgba: &[u8], endpoints: &[&str]) -> Vec<Tensor> {
    let (width_px, height_px) = (net.spec().width_px, net.spec().height_px);
    net.infer(&Frame { rgba, width_px, height_px }, &AS_IS, endpoints).expect("infers")
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.data.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn an_endpoint_is_the_same_alone_and_with_others() {
    for version in FAMILY {
        for backend in [Choice::Simd, Choice::Reference] {
            let mut net = net(small(version), backend);
            let rgba = picture(64, 96, 1);
            let endpoints = net.endpoints().to_vec();
            let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            let together = infer(&mut net, &rgba, &names);
            let backwards: Vec<&str> = names.iter().rev().copied().collect();
            let reversed = infer(&mut net, &rgba, &backwards);
            for (at, info) in endpoints.iter().enumerate() {
                let alone = &infer(&mut net, &rgba, &[&info.name])[0];
                for other in [&together[at], &reversed[names.len() - 1 - at]] {
                    assert_eq!((&alone.endpoint, &alone.shape), (&info.name, &info.shape));
                    assert_eq!((&other.endpoint, &other.shape), (&info.name, &info.shape));
                    assert_eq!(bits(alone), bits(other), "{version:?} {backend:?} {}", info.name);
                }
                assert_eq!(alone.data.len(), info.shape.iter().product::<usize>());
            }
            let twice = infer(&mut net, &rgba, &[names[3], names[3]]);
            assert_eq!(twice[0], twice[1], "one endpoint asked for twice");
        }
    }
}

#[test]
fn an_early_endpoint_does_not_run_the_rest() {
    for version in FAMILY {
        let mut net = net(small(version), Choice::Simd);
        let endpoints = net.endpoints().to_vec();
        let mut before = (0, 0);
        for endpoint in endpoints {
            let plan = net.plan(&[&endpoint.name]).expect("a known endpoint");
            let work = (plan.steps.len(), plan.steps.iter().map(|step| step.macs).sum::<u64>());
            let whole = net.graph().macs();
            assert!(work.0 >= before.0 && work.1 >= before.1, "{version:?} {} does {work:?}", endpoint.name);
            assert!(endpoint.name == "logits" || endpoint.name == "predictions" || work.1 < whole, "{}", endpoint.name);
            // The blocks' sums make a step or two more than the projection inside the block that they end.
            before = (work.0.saturating_sub(1), work.1);
        }
    }
}

#[test]
fn a_batch_is_its_frames_one_by_one() {
    for version in FAMILY {
        let mut net = net(small(version), Choice::Auto);
        let pictures: Vec<Vec<u8>> = (1..=3).map(|seed| picture(64, 96, seed)).collect();
        let frames: Vec<Frame<'_>> = pictures.iter().map(|rgba| Frame { rgba, width_px: 96, height_px: 64 }).collect();
        let batch = net.infer_batch(&frames, &AS_IS, &["global_pool", "predictions"]).expect("infers");
        assert_eq!(batch.len(), 3);
        assert_ne!(batch[0], batch[1], "two pictures");
        for (frame, tensors) in frames.iter().zip(&batch) {
            let single = infer(&mut net, frame.rgba, &["global_pool", "predictions"]);
            assert!(single.iter().map(bits).eq(tensors.iter().map(bits)), "{version:?}");
        }
        assert_eq!(net.infer_batch(&[], &AS_IS, &["logits"]).expect("nothing to do"), Vec::<Vec<Tensor>>::new());
    }
}

#[test]
fn a_bad_frame_of_a_batch_is_named() {
    let mut net = net(small(Version::V2), Choice::Auto);
    let rgba = picture(64, 96, 1);
    let good = Frame { rgba: &rgba, width_px: 96, height_px: 64 };
    let frames = [good, good, Frame { rgba: &rgba[1..], ..good }];
    let error = net.infer_batch(&frames, &AS_IS, &["logits"]).expect_err("a byte is missing");
    let alone = net.infer(&frames[2], &AS_IS, &["logits"]).expect_err("a byte is missing");
    assert_eq!((error.kind(), error.to_string()), (alone.kind(), format!("frames[2], {alone}")));
    // No frame is to blame for an option.
    let error = net.infer_batch(&frames, &AS_IS, &["layer_99"]).expect_err("no such endpoint");
    assert!(error.to_string().starts_with("endpoint: "), "{error}");
}

#[test]
fn an_ssdlite_head_gets_its_two_maps_from_one_call() {
    let mut net = net(Spec { multiplier: 0.35, ..Spec::new(Version::V2) }, Choice::Simd);
    let tensors = infer(&mut net, &picture(224, 224, 1), &["layer_15/expansion_output", "layer_19"]);
    assert_eq!(tensors.iter().map(|map| &map.shape[..]).collect::<Vec<_>>(), [[14, 14, 192], [7, 7, 1280]]);
    let reduction = |name: &str| net.endpoints().iter().find(|it| it.name == name).and_then(|it| it.reduction);
    assert_eq!((reduction("layer_15/expansion_output"), reduction("layer_19")), (Some(16), Some(32)));
    assert_eq!((reduction("global_pool"), reduction("logits")), (None, None));
}

#[test]
fn other_frameworks_names_are_aliases() {
    let cases = [
        (Version::V1, "conv1_relu", "Conv2d_0"),
        (Version::V1, "conv_dw_3_relu", "Conv2d_3_depthwise"),
        (Version::V1, "conv_pw_13_relu", "Conv2d_13_pointwise"),
        (Version::V2, "block_13_expand_relu", "layer_15/expansion_output"),
        (Version::V2, "block_16_project_BN", "layer_18"),
        (Version::V2, "block_2_add", "layer_4"),
        (Version::V2, "out_relu", "layer_19"),
        (Version::V2, "features.18", "layer_19"),
        (Version::V3Small, "features.12", "layer_13"),
        (Version::V3Large, "features.16", "layer_17"),
        (Version::V2, "global_average_pooling2d", "global_pool"),
    ];
    for (version, alias, name) in cases {
        let mut net = net(small(version), Choice::Simd);
        let rgba = picture(64, 96, 1);
        let found = infer(&mut net, &rgba, &[alias, name]);
        assert_eq!((found[0].endpoint.as_str(), found[1].endpoint.as_str()), (name, name), "{version:?} {alias}");
        assert_eq!(bits(&found[0]), bits(&found[1]));
    }
    let mut net = net(small(Version::V2), Choice::Simd);
    let error = net.plan(&["layer_15/expansion"]).expect_err("no such endpoint");
    assert_eq!(error.kind().code(), "unknown_endpoint");
    assert!(error.to_string().contains("layer_15/expansion_output"), "{error}");
}

#[test]
fn a_description_adds_up() {
    for version in FAMILY {
        let net = net(small(version), Choice::Simd);
        let layers = net.layers();
        let graph = net.graph();
        assert_eq!(layers.iter().map(|layer| layer.params).sum::<usize>(), graph.params(), "{version:?}");
        assert_eq!(layers.iter().map(|layer| layer.macs).sum::<u64>(), graph.macs(), "{version:?}");
        assert_eq!((layers[0].kind, &layers[0].shape[..2]), ("conv", &[32, 48][..]));
        assert_eq!(layers.last().map(|layer| (layer.kind, layer.shape.clone())), Some(("softmax", vec![11])));
    }
}

#[test]
fn reductions_stop_at_the_output_stride() {
    for version in FAMILY {
        for output_stride in [8, 16, 32] {
            let net = net(Spec { output_stride, ..small(version) }, Choice::Simd);
            let most = net.endpoints().iter().filter_map(|endpoint| endpoint.reduction).max();
            assert_eq!(most, Some(output_stride), "{version:?}");
        }
    }
}

/// A map of one pixel stays a map; vectors begin at the pool.
#[test]
fn a_map_of_one_pixel_is_no_vector() {
    let net = net(Spec { height_px: 32, width_px: 32, ..small(Version::V2) }, Choice::Simd);
    let shape = |name: &str| &net.endpoints().iter().find(|it| it.name == name).expect("is there").shape[..];
    assert_eq!(shape("layer_19"), [1, 1, 1280]);
    assert_eq!(shape("global_pool"), [1280]);
}

#[test]
fn synthetic_weights_behave_like_fresh_ones() {
    for version in FAMILY {
        let rgba = picture(64, 96, 1);
        let [first, second] = [1, 2].map(|_| infer(&mut net(small(version), Choice::Simd), &rgba, &["logits"]));
        assert_eq!(first, second, "the seed is fixed");
        let largest = first[0].data.iter().fold(0f32, |most, value| most.max(value.abs()));
        assert!(largest > 1e-3 && largest < 1e6, "{version:?}: logits up to {largest}");
    }
}

#[test]
fn without_top_the_base_is_left() {
    let options = |values: &[(&str, &str)]| {
        let values: BTreeMap<_, _> = values.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Options { overrides: Overrides::from_text(&values).expect("good values"), ..Options::default() }
    };
    for version in FAMILY {
        let pooled = Net::synthetic(small(version), &options(&[("classes", "0")])).expect("opens");
        assert_eq!(pooled.last_endpoint(), "global_pool", "{version:?}");
        let bare = Net::synthetic(small(version), &options(&[("classes", "0"), ("pooling", "none")])).expect("opens");
        let last = bare.endpoints().last().expect("endpoints");
        assert_eq!((last.shape.len(), last.reduction), (3, Some(32)), "{version:?} {}", last.name);
        assert!(!bare.spec().blocks.iter().any(|block| matches!(block, Block::Pool | Block::Head { .. })));
    }
    let sides = options(&[("height", "96"), ("multiplier", "0.5"), ("output_stride", "16")]);
    let net = Net::synthetic(Spec::new(Version::V2), &sides).expect("opens");
    let Spec { height_px, width_px, multiplier, output_stride, .. } = *net.spec();
    assert_eq!((height_px, width_px, multiplier, output_stride), (96, 96, 0.5, 16), "one side stands for both");
}

#[test]
fn bad_values_are_typed_errors() {
    // (option, value, code, what the sentence names)
    let cases = [
        ("multiplier", "0", "bad_model", "multiplier"),
        ("multiplier", "-1", "bad_model", "multiplier"),
        ("multiplier", "wide", "bad_option", "multiplier"),
        ("output_stride", "12", "bad_model", "8, 16 or 32"),
        ("height", "20", "bad_model", "32 to 4096 px"),
        ("classes", "2.5", "bad_option", "2.5"),
        ("labels", "cup\nmug", "bad_model", "11 names"),
        ("wnids", "n1\nn2", "bad_model", "WordNet"),
        ("version", "v4", "bad_option", "v3-large"),
        ("pooling", "sum", "bad_option", "avg"),
        ("pooling", "none", "bad_model", "top"),
        ("batch_norm_epsilon", "0", "bad_model", "batch_norm_epsilon"),
        ("min_depth", "4", "bad_option", "widths"),
        ("table", "[", "bad_header", "table"),
        ("table", "[]", "bad_model", "rows"),
    ];
    for (option, value, code, named) in cases {
        let values = BTreeMap::from([(option.to_string(), value.to_string())]);
        let opened = Overrides::from_text(&values)
            .and_then(|overrides| Net::synthetic(small(Version::V2), &Options { overrides, ..Options::default() }));
        let error = opened.err().unwrap_or_else(|| panic!("{option} = {value} opens"));
        assert_eq!(error.kind().code(), code, "{option} = {value}: {error}");
        assert!(error.to_string().contains(named), "{option} = {value}: {error}");
    }
}

//! The small network that tells a right backend from a wrong one: what it covers, and what is stored for it.

mod adapter;

use mobilenet_web::backend::gpu::{Variant, lower};
use mobilenet_web::graph::Graph;
use mobilenet_web::model::{Spec, Version};
use mobilenet_web::plan::{Grouping, Packing, Pattern, Plan};
use mobilenet_web::probe::{PICTURE_PX, Small, pixels, probe, probe_cpu};
use mobilenet_web::{Choice, Frame, Net, Options, View};
use std::collections::BTreeSet;

/// What the answer is stored with: seven digits.
const SEVEN_DIGITS: f32 = 1e-6;

/// The bodies differ in the last bits of some sums, and in no rounding of the frame.
const BODIES: f32 = 1e-5;

fn plan(spec: &Spec, grouping: Grouping) -> Plan {
    let graph = Graph::build(spec).expect("a valid spec");
    Plan::grouped(&graph, &Packing::new(&graph), &["predictions"], grouping).expect("has a top")
}

const BOTH: [Small; 2] = [Small::Plain, Small::Gated];

/// Names and constants of the shaders that a network runs.
fn shaders(spec: &Spec, grouping: Grouping) -> BTreeSet<String> {
    let dispatches = lower(&plan(spec, grouping), 5, grouping == Grouping::Software);
    dispatches.iter().map(|dispatch| dispatch.shader.to_string()).collect()
}

#[test]
fn it_dispatches_whatever_a_published_network_does() {
    let mut failed = Vec::new();
    for (version, name) in Version::ALL.into_iter().filter(|(version, _)| *version != Version::Custom) {
        for grouping in [Grouping::Gpu, Grouping::Software] {
            let probed = shaders(&Small::of(version).spec(), grouping);
            for multiplier in [0.35, 0.75, 1.0] {
                for side_px in [96, 224] {
                    let spec = Spec { multiplier, height_px: side_px, width_px: side_px, ..Spec::new(version) };
                    let missing: Vec<_> = shaders(&spec, grouping).difference(&probed).cloned().collect();
                    if !missing.is_empty() {
                        failed.push(format!("{name} {multiplier} {side_px}, {grouping:?}, also runs {missing:?}"));
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let found: Vec<Pattern> =
        plan(&Small::Gated.spec(), Grouping::Gpu).groups.iter().map(|group| group.pattern).collect();
    for pattern in [
        Pattern::Single,
        Pattern::InvertedResidual,
        Pattern::Separable,
        Pattern::ExpandDepthwise,
        Pattern::SqueezeExcite,
        Pattern::GatedProject,
    ] {
        assert!(found.contains(&pattern), "{pattern:?} is not among {found:?}");
    }
}

/// Each takes a while to compile. The frame's two are beside the plan's.
#[test]
fn no_published_network_needs_more_than_14_pipelines() {
    for (version, name) in Version::ALL.into_iter().filter(|(version, _)| *version != Version::Custom) {
        for grouping in [Grouping::Gpu, Grouping::Software] {
            let found = shaders(&Spec::new(version), grouping);
            println!("{name}, {grouping:?}: {} pipelines", found.len() + 2);
            assert!(found.len() + 2 <= 14, "{name}, {grouping:?}: {found:?}");
        }
    }
}

#[test]
fn the_stored_answer_is_the_references() {
    for small in BOTH {
        let options = Options { backend: Choice::Reference, ..Options::default() };
        let mut net = Net::synthetic(small.spec(), &options).expect("a valid spec");
        let frame = Frame { rgba: &pixels(), width_px: PICTURE_PX.0, height_px: PICTURE_PX.1 };
        let mut found = net.infer(&frame, &View::default(), &["logits", "predictions"]).expect("infers");
        let (probabilities, logits) = (found.remove(1).data, found.remove(0).data);
        let range = logits.iter().fold(f32::MIN, |most, &logit| most.max(logit))
            - logits.iter().fold(f32::MAX, |least, &logit| least.min(logit));
        println!("the reference, {small:?}: {probabilities:?}, range {range}");
        assert!((range / small.stored().range - 1.0).abs() <= SEVEN_DIGITS, "{small:?}: {range}");
        let error = probe_cpu(Choice::Reference, small).expect("is right");
        assert!(error <= SEVEN_DIGITS, "{small:?}: {error}");
    }
}

#[test]
fn simd_is_right() {
    for small in BOTH {
        let error = probe_cpu(Choice::Simd, small).expect("is right");
        assert!(error <= BODIES, "{small:?}: {error}");
    }
}

#[test]
fn the_gpu_is_right() {
    let Some(device) = adapter::adapter() else { return };
    for f16 in [false, device.has_f16()] {
        for (quads, software) in [(false, false), (device.variant().quads, false), (device.variant().quads, true)] {
            for small in BOTH {
                let variant = Variant { f16, quads, software };
                let error = pollster::block_on(probe(&device, variant, small)).expect("is right");
                println!("{small:?}, {variant:?}: {error:.1e} of the range");
            }
        }
    }
}

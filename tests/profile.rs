//! Times of a plan's steps on the CPU: which rows there are, and that timing leaves no trace.

mod graph_files;
mod protobuf;

use graph_files::integers::{kept, small};
use mobilenet_web::error::Kind;
use mobilenet_web::model::{Spec, Version};
use mobilenet_web::{Choice, Fit, Frame, Net, Options, View};

const VIEW: View = View { fit: Fit::Preset, background: [255; 3] };

/// A clock that is a second later whenever it is asked: every step is run once a round.
fn clock() -> impl FnMut() -> f64 {
    let mut ms = 0.0;
    move || {
        ms += 1000.0;
        ms
    }
}

fn networks() -> Vec<(String, Net)> {
    let mut networks = Vec::new();
    for version in [Version::V1, Version::V2, Version::V3Large, Version::V3Small, Version::V3SmallMinimalistic] {
        for backend in [Choice::Simd, Choice::Reference] {
            let spec = Spec { multiplier: 0.35, height_px: 64, width_px: 96, classes: 11, ..Spec::new(version) };
            let net = Net::synthetic(spec, &Options { backend, ..Options::default() }).expect("a valid spec");
            networks.push((format!("{version:?} {backend:?}"), net));
        }
    }
    let integers = Net::open(&small(true, &kept), &Options::default()).expect("opens");
    assert!(integers.is_integer());
    networks.push(("integers".into(), integers));
    networks
}

#[test]
fn a_profile_has_a_row_for_each_step_in_the_plan_s_order() {
    let rgba: Vec<u8> = (0..70 * 50 * 4_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let frame = Frame { rgba: &rgba, width_px: 70, height_px: 50 };
    for (what, mut net) in networks() {
        let before = net.infer(&frame, &VIEW, &["predictions"]).expect("infers");
        let rows = net.profile(&frame, &VIEW, &["predictions"], &mut clock()).expect("profiles");
        let after = net.infer(&frame, &VIEW, &["predictions"]).expect("infers");
        let macs = net.graph().macs();
        let plan = net.plan(&["predictions"]).expect("plans");
        assert_eq!(rows.len(), plan.steps.len(), "{what}");
        for (row, step) in rows.iter().zip(&plan.steps) {
            assert_eq!((&row.layers[..], row.kernel), (&[step.name.clone()][..], step.call.stem()), "{what}");
            assert!((row.us - 1e6).abs() < 1e-3, "{what}: {row:?}");
            let vec4s = step.input.len() + step.side.len() + step.parameters.len() + step.output.len();
            assert_eq!(row.bytes, vec4s as u64 * 16, "{what}: {row:?}");
        }
        assert_eq!(rows.iter().map(|row| row.macs).sum::<u64>(), macs, "{what}");
        // Bit for bit: the last step has run three times more than the first frame's.
        let bits = |net: &[mobilenet_web::Tensor]| net[0].data.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&before), bits(&after), "{what}");
    }
}

/// What a round leaves behind is a frame, whatever the arena held before.
#[test]
fn each_round_is_a_frame_of_its_own() {
    let spec = Spec { multiplier: 0.35, height_px: 64, width_px: 64, classes: 11, ..Spec::new(Version::V3Small) };
    let mut net = Net::synthetic(spec, &Options::default()).expect("a valid spec");
    let rgba = |byte: u8| vec![byte; 64 * 64 * 4];
    let (dark, light) = (rgba(20), rgba(230));
    let frame = |rgba| Frame { rgba, width_px: 64, height_px: 64 };
    let expected = net.infer(&frame(&light), &VIEW, &["layer_5", "predictions"]).expect("infers");
    for (rgba, early) in [(&dark, "layer_5"), (&light, "layer_2")] {
        net.profile(&frame(rgba), &VIEW, &[early], &mut clock()).expect("profiles");
        assert_eq!(net.infer(&frame(&light), &VIEW, &["layer_5", "predictions"]).expect("infers"), expected);
    }
}

#[test]
fn what_cannot_run_cannot_be_timed() {
    let mut net = Net::synthetic(Spec::new(Version::V2), &Options::default()).expect("a valid spec");
    let rgba = vec![0; 8 * 8 * 4];
    let mut kind = |rgba: &[u8], endpoint| {
        let frame = Frame { rgba, width_px: 8, height_px: 8 };
        net.profile(&frame, &VIEW, &[endpoint], &mut clock()).expect_err("refused").kind()
    };
    assert_eq!(kind(&rgba, "layer_99"), Kind::UnknownEndpoint);
    assert_eq!(kind(&rgba[4..], "predictions"), Kind::SourceWrongLength);
}

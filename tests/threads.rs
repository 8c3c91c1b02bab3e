//! Several threads give what one gives, bit for bit; and a pool stays whole whatever its parts do.

mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::kernels::{Add, Call, Io};
use mobilenet_web::lane::{Body, Vec4};
use mobilenet_web::model::{Spec, Version};
use mobilenet_web::plan::Step;
use mobilenet_web::plan::parts::{self, Parts};
use mobilenet_web::threads::{Part, Pool};
use mobilenet_web::{Fit, Frame, Net, Options, View};
use std::panic::{AssertUnwindSafe, catch_unwind};
use suite::{Case, cases};

const AS_IS: View = View { fit: Fit::AsIs, background: [255; 3] };
const THREADS: [usize; 4] = [2, 3, 4, 7];

fn bits(values: &[Vec4]) -> Vec<u32> {
    values.as_flattened().iter().map(|value| value.to_bits()).collect()
}

fn io<'a>(case: &'a Case, output: &'a mut [Vec4]) -> Io<'a> {
    Io { input: &case.input, side: &case.side, parameters: &case.parameters, output }
}

fn poisoned(case: &Case) -> Vec<Vec4> {
    vec![[f32::NAN; 4]; case.output_length]
}

#[test]
fn parts_of_every_kernel_are_the_whole() {
    let mut cut = std::collections::BTreeMap::new();
    for case in cases() {
        for body in [Body::Reference, Body::Simd] {
            let mut whole = poisoned(&case);
            case.call.run(body, io(&case, &mut whole));
            for count in [1, 2, 3, 5, 16] {
                let mut found = poisoned(&case);
                let mut many = 0;
                for Part { body, call, io } in Parts::new(body, case.call, io(&case, &mut found), count) {
                    call.run(body, io);
                    many += 1;
                }
                assert!((1..=count).contains(&many), "{} {}: {many} parts of {count}", case.call.stem(), case.name);
                let what = format!("{} {}, {count} parts, {body:?}", case.call.stem(), case.name);
                assert_eq!(bits(&found), bits(&whole), "{what}");
                let most = cut.entry(case.call.stem()).or_insert(0);
                *most = many.max(*most);
            }
        }
    }
    // Sums over a whole map, and what is as small in every network …
    let small = ["global_pool", "integer_pool", "integer_softmax", "integer_to_float", "pad", "sigmoid", "softmax"];
    // … and of training what is called map by map.
    let of_maps = ["train_depthwise", "train_depthwise_input", "train_pool", "train_scale", "train_stem"];
    for (stem, most) in cut {
        let stays_whole = small.contains(&stem) || of_maps.contains(&stem);
        assert_eq!(most == 1, stays_whole, "{stem}: {most} parts at most");
    }
}

fn parts_of(step: &Step, threads: usize) -> usize {
    parts::count(step.call, step.macs, step.output.len(), threads)
}

/// Bytes without a pattern.
fn picture(pixels: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..pixels).flat_map(|_| [byte(), byte(), byte(), 255]).collect()
}

/// Every endpoint of a network.
fn maps(net: &mut Net, rgba: &[u8]) -> Vec<Vec<u32>> {
    let (width_px, height_px) = (net.spec().width_px, net.spec().height_px);
    let names: Vec<String> = net.endpoints().iter().map(|endpoint| endpoint.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let tensors = net.infer(&Frame { rgba, width_px, height_px }, &AS_IS, &names).expect("infers");
    tensors.iter().map(|tensor| tensor.data.iter().map(|value| value.to_bits()).collect()).collect()
}

/// Compares threads with one, and answers how many steps were cut.
fn compare(name: &str, mut open: impl FnMut() -> Net) -> usize {
    let mut net = open();
    let rgba = picture(net.spec().width_px * net.spec().height_px);
    let alone = maps(&mut net, &rgba);
    let last = net.last_endpoint().to_owned();
    let cut = net.plan(&[&last]).expect("plans").steps.iter().filter(|step| parts_of(step, 2) > 1).count();
    for threads in THREADS {
        let mut net = open();
        let pool = Pool::start(threads);
        net.share(pool);
        for frame in 0..3 {
            assert!(maps(&mut net, &rgba) == alone, "{name}, {threads} threads, frame {frame}");
        }
        pool.dismiss();
    }
    cut
}

#[test]
fn networks_of_floats_are_the_same_on_any_number_of_threads() {
    for version in [Version::V1, Version::V2, Version::V3Small, Version::V3Large] {
        let spec = Spec { height_px: 160, width_px: 130, classes: 100, ..Spec::new(version) };
        let cut =
            compare(&format!("{version:?}"), || Net::synthetic(spec.clone(), &Options::default()).expect("a spec"));
        assert!(cut > 15, "{version:?}: {cut} steps are cut");
    }
}

#[test]
fn networks_of_integers_are_the_same_on_any_number_of_threads() {
    let Some(fixtures) = Fixtures::find() else { return };
    for file in [
        "weights/v1_0.25_224_tflite/mobilenet_v1_0.25_224_quant.tflite",
        "weights/v3_small_1.0_224_uint8/v3-small_224_1.0_uint8.tflite",
    ] {
        let bytes = fixtures.read(file);
        let cut = compare(file, || Net::open(&bytes, &Options::default()).expect("opens"));
        assert!(cut > 10, "{file}: {cut} steps are cut");
    }
}

#[test]
fn small_steps_stay_whole_and_no_step_is_cut_for_one_thread() {
    let spec = Spec { multiplier: 0.25, height_px: 32, width_px: 32, ..Spec::new(Version::V1) };
    let mut net = Net::synthetic(spec, &Options::default()).expect("a spec");
    let last = net.last_endpoint().to_owned();
    for step in &net.plan(&[&last]).expect("plans").steps {
        assert_eq!(parts_of(step, 1), 1, "{}", step.name);
        assert!(parts_of(step, 4) == 1 || step.macs > 100_000, "{}: {} multiply-adds", step.name, step.macs);
    }
}

/// Ones added to ones, in `count` parts of `length`.
fn sums<'a>(ones: &'a [Vec4], output: &'a mut [Vec4], count: usize) -> Vec<Option<Part<'a>>> {
    let call = Call::Add(Add { count: u32::try_from(output.len()).expect("few") });
    let io = Io { input: ones, side: ones, parameters: &[], output };
    Parts::new(Body::Simd, call, io, count).map(Some).collect()
}

#[test]
fn every_part_is_computed_once_however_often_a_pool_is_asked() {
    let pool = Pool::start(4);
    let ones = vec![[1.0; 4]; 64];
    for round in 0..20_000 {
        let mut output = vec![[f32::NAN; 4]; 64];
        let mut list = sums(&ones, &mut output, 1 + round % 16);
        pool.run(&mut list);
        assert_eq!(output, vec![[2.0; 4]; 64], "round {round}");
        if round % 1000 == 0 {
            // Long enough for all of them to fall asleep.
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    pool.dismiss();
}

#[test]
fn networks_on_threads_of_their_own_may_share_a_pool() {
    let pool = Pool::start(3);
    let ones = vec![[1.0; 4]; 64];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let mut output = vec![[f32::NAN; 4]; 64];
                    pool.run(&mut sums(&ones, &mut output, 8));
                    assert_eq!(output, vec![[2.0; 4]; 64]);
                }
            });
        }
    });
    pool.dismiss();
}

#[test]
fn workers_that_leave_are_not_waited_for() {
    let pool = Pool::start(4);
    pool.dismiss();
    assert_eq!(pool.threads(), 1);
    let ones = vec![[1.0; 4]; 64];
    let mut output = vec![[f32::NAN; 4]; 64];
    pool.run(&mut sums(&ones, &mut output, 8));
    assert_eq!(output, vec![[2.0; 4]; 64]);
}

/// A part whose input ends early stops on a fault, on whichever thread takes it.
#[test]
fn a_part_that_fails_fails_the_call_and_hangs_nobody() {
    let pool = Pool::start(3);
    let ones = vec![[1.0; 4]; 4096];
    for _ in 0..50 {
        let mut output = vec![[f32::NAN; 4]; 4096];
        let mut list = sums(&ones, &mut output, 8);
        for part in list.iter_mut().flatten() {
            // A block of more pixels than there are: its kernel reads past the end of a slice.
            part.call = Call::GlobalPool(mobilenet_web::kernels::GlobalPool {
                in_width: 0,
                height: 1,
                width: 1,
                lanes: 0,
                max: 0,
            });
        }
        assert!(catch_unwind(AssertUnwindSafe(|| pool.run(&mut list))).is_err());
    }
}

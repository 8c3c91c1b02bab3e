//! Fine-tuning: against Keras, which trained the same networks with the same weights, batches and optimizers
//! (`tools/golden/tuning.py`), and by its own promises.

mod seeded;
mod tuning;

use mobilenet_web::graph::Graph;
use mobilenet_web::lane::Body;
use mobilenet_web::model::{Spec, Version};
use mobilenet_web::threads::Pool;
use mobilenet_web::train::tune::{BatchNorm, Cut, Score, StepOptions, Tuner, keras_layers};
use mobilenet_web::train::{Head, Loss, Rule, Task};
use mobilenet_web::{Frame, Kind, Net, Options, View};
use seeded::Case;
use serde_json::Value;
use tuning::{batch, case, head, options, step, step_of};

/// Of a loss, in double precision there and in single precision here, through up to 60 layers and six steps.
const TOLERANCE: f64 = 1e-4;

fn golden(name: &str) -> String {
    let path = format!("{}/tests/data/training/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn features(version: &str) -> usize {
    // Those of the cases below: V1 0.25; V2's last convolution, which no multiplier below 1 makes narrower; V3 Small's head.
    match version {
        "v1" => 256,
        "v2" => 1280,
        _ => 1024,
    }
}

#[test]
fn steps_have_keras_losses() {
    let golden: Value = serde_json::from_str(&golden("tune.json")).expect("tune.json");
    let mut worst: f64 = 0.0;
    for run in golden["runs"].as_array().expect("runs") {
        let number = |key: &str| run[key].as_f64().unwrap_or_else(|| panic!("{key} of {run}"));
        let case = case(run["case"].as_str().expect("a case"));
        let from = match run["from"].as_str() {
            Some(endpoint) => Cut::Endpoint(endpoint.into()),
            None => Cut::Layer(number("from") as usize),
        };
        let (samples, outputs) = (number("batch") as usize, number("outputs") as usize);
        let mut options = options(&case, from, outputs, samples);
        if run["batch_norm"] == "training" {
            options.batch_norm = BatchNorm::Training;
        }
        let what = format!("{} from {}, {}", case.name, run["from"], run["batch_norm"]);
        let mut tuner = Tuner::open(case.safetensors(), &options).unwrap_or_else(|why| panic!("{what}: {why}"));
        assert_eq!(tuner.endpoint().unwrap_or("input"), run["endpoint"], "{what}");
        assert_eq!(tuner.params() as f64, number("params"), "{what}");
        tuner.attach(&head(features(&case.version), outputs)).expect("a head");
        let optimizer = match run["optimizer"].as_str() {
            Some("adam") => Rule::Adam,
            _ => Rule::Sgd { momentum: number("momentum") as f32 },
        };
        let loss = Loss::new(options.task);
        let learning_rate = number("learning_rate") as f32;
        let step = StepOptions { optimizer, ..step_of(loss, learning_rate) };
        for (at, expected) in run["losses"].as_array().expect("losses").iter().enumerate() {
            let (maps, targets) = batch(&tuner, at % 2, samples, outputs);
            let found = tuner.step(&maps, &targets, &step).expect("a step").loss;
            worst = worst.max(agree(&format!("{what}, step {at}"), found, expected.as_f64().expect("a loss")));
        }
        // In inference: with moving statistics, which have moved.
        let (maps, targets) = batch(&tuner, 0, samples, outputs);
        let Score { loss, .. } = tuner.loss(&maps, &targets, &step).expect("a loss");
        worst = worst.max(agree(&format!("{what}, in inference"), loss, number("inference")));
    }
    println!("largest relative difference of a loss: {worst:.1e}");
}

#[track_caller]
fn agree(what: &str, found: f64, expected: f64) -> f64 {
    let apart = (found - expected).abs() / expected.abs();
    assert!(apart <= TOLERANCE, "{what}: {found}, Keras {expected}, {apart:.1e} apart");
    apart
}

/// `keras-3.15.1 v2` → its layers as (class, how many numbers are trained).
fn lists() -> Vec<(String, Vec<(String, usize)>)> {
    let text = golden("keras_layers.txt");
    let mut lists: Vec<(String, Vec<(String, usize)>)> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            lists.push((title.into(), Vec::new()));
            continue;
        }
        let mut words = line.split(' ').skip(1);
        let (class, trained) = (words.next().expect("a class"), words.next().expect("a number"));
        lists.last_mut().expect("a title").1.push((class.into(), trained.parse().expect("a number")));
    }
    lists
}

#[test]
fn layers_are_counted_as_keras_counts_them() {
    for (title, layers) in lists() {
        let (library, version) = title.split_once(' ').expect("a library and a version");
        let mut spec = Spec::new(Version::from_name(version).expect("a version"));
        if !matches!(spec.version, Version::V1 | Version::V2) {
            spec.widths = mobilenet_web::model::Widths::V3_KERAS;
        }
        let graph = Graph::build(&spec).expect("a graph");
        let found = keras_layers(&graph, library.starts_with("keras-applications"));
        let classes: Vec<&str> = found.iter().map(|layer| layer.0).collect();
        let expected: Vec<&str> = layers.iter().map(|layer| &*layer.0).collect();
        assert_eq!(classes, expected, "{title}");
        // What is trained from each layer on.
        let trained = |from: usize| -> usize {
            let last = found.last().expect("layers").1;
            let parameters = (from..=last).flat_map(|id| graph.parameters(id));
            parameters.filter(|it| it.trainable).map(|it| it.shape.iter().product::<usize>()).sum()
        };
        let mut sum = 0;
        for (index, (_, count)) in layers.iter().enumerate().rev() {
            sum += count;
            assert_eq!(trained(found[index].1), sum, "{title}, from layer {index}");
        }
    }
}

/// The counts that courses print: V2's base has 2,257,984 parameters, a neuron on its 1280 features trains 1281, and from layer
/// 120 of 155 on it is what Keras counts.
#[test]
fn the_well_known_example_has_its_counts() {
    let case = case("keras-v2-1-160x160-top_avg");
    let open = |from: Cut| Tuner::open(case.safetensors(), &options(&case, from, 1, 1)).expect("a tuner");
    assert_eq!(open(Cut::Endpoint("logits".into())).params(), 1281);
    let graph = Net::open(&case.safetensors(), &Options::default()).expect("a net").graph().clone();
    let all: usize =
        (0..graph.nodes.len()).flat_map(|id| graph.parameters(id)).map(|it| it.shape.iter().product::<usize>()).sum();
    assert_eq!(all, 2_257_984);
    let (_, layers) =
        lists().into_iter().find(|(title, _)| title == "keras-applications-1.0.8 v2").expect("155 layers");
    assert_eq!(layers.len(), 155);
    let keras: usize = layers[120..].iter().map(|layer| layer.1).sum();
    let tuner = open(Cut::LayerOf(120, 155));
    assert_eq!(tuner.params(), keras + 1281);
    assert_eq!(open(Cut::LayerOf(119, 154)).params(), keras + 1281);
    assert_eq!(open(Cut::Layer(119)).params(), keras + 1281);
    // The whole of it: moving statistics are not trained.
    let whole = open(Cut::Layer(0));
    assert_eq!((whole.params(), whole.endpoint()), (2_257_984 - 34_112 + 1281, None));
    println!("from layer 120 of 155: {keras} of the base and 1281, {}", tuner.endpoint().unwrap_or("the picture"));
}

#[test]
fn bodies_agree_and_batches_may_be_smaller() {
    let case = case("keras-v3-small-0.35-129x97");
    let mut losses = Vec::new();
    for (body, batch_size) in [(Body::Reference, 3), (Body::Simd, 3), (Body::Simd, 8)] {
        let options = options(&case, Cut::Endpoint("layer_9".into()), 3, batch_size);
        let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
        tuner.set_body(body);
        tuner.attach(&head(1024, 3)).expect("a head");
        let (maps, targets) = batch(&tuner, 0, 3, 3);
        losses.push([0, 1, 2].map(|_| tuner.step(&maps, &targets, &step(1e-3)).expect("a step").loss));
    }
    assert_eq!(losses[0], losses[1], "kernels add in the reference's order");
    assert_eq!(losses[1], losses[2], "what memory is planned for changes no number");
}

/// Losses and the written network, after three steps that nobody shares, or so many threads.
fn trained(
    (case, from, samples): (&Case, &Cut, usize),
    (batch_norm, body): (BatchNorm, Body),
    threads: Option<usize>,
) -> (Vec<u64>, Vec<u8>) {
    const OUTPUTS: usize = 3;
    let mut options = options(case, from.clone(), OUTPUTS, samples);
    options.batch_norm = batch_norm;
    let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
    let pool = threads.map(Pool::start);
    tuner.set_body(body);
    pool.into_iter().for_each(|pool| tuner.share(pool));
    tuner.attach(&head(features(&case.version), OUTPUTS)).expect("a head");
    // The last batch of an epoch is smaller.
    let losses = [samples, samples, 2].into_iter().enumerate().map(|(at, samples)| {
        let (maps, targets) = batch(&tuner, at, samples, OUTPUTS);
        tuner.step(&maps, &targets, &step(1e-3)).expect("a step").loss.to_bits()
    });
    let losses = losses.collect();
    pool.into_iter().for_each(Pool::dismiss);
    (losses, tuner.write(&[]).expect("a file"))
}

#[test]
fn any_number_of_threads_trains_the_same_bits() {
    for (name, from, samples) in [
        ("keras-v1-0.25-129x97-tail", Cut::Layer(0), 5),
        ("keras-v2-0.35-96x160", Cut::Endpoint("layer_15".into()), 18),
        ("keras-v3-small-0.35-129x97", Cut::Endpoint("layer_5".into()), 5),
    ] {
        let case = case(name);
        for how in
            [(BatchNorm::Frozen, Body::Simd), (BatchNorm::Training, Body::Simd), (BatchNorm::Training, Body::Reference)]
        {
            let alone = trained((&case, &from, samples), how, None);
            for threads in [1, 2, 3, 4, 7] {
                let found = trained((&case, &from, samples), how, Some(threads));
                let losses = [&found.0, &alone.0];
                assert!(found == alone, "{name}, {how:?}, {threads} threads: losses {losses:?}");
            }
        }
    }
}

#[test]
fn what_is_written_is_what_was_trained() {
    let case = case("keras-v2-0.35-96x160");
    for batch_norm in [BatchNorm::Frozen, BatchNorm::Training] {
        let mut options = options(&case, Cut::Endpoint("layer_17".into()), 3, 4);
        options.batch_norm = batch_norm;
        options.momentum = Some(0.5);
        let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
        tuner.attach(&head(1280, 3)).expect("a head");

        // Maps of a picture, as the engine has them.
        let rgba: Vec<u8> = seeded::numbers("picture", case.height * case.width * 4)
            .into_iter()
            .map(|value| (value * 127.0 + 128.0) as u8)
            .collect();
        let frame = Frame { rgba: &rgba, width_px: case.width, height_px: case.height };
        let open = Options { overrides: options.overrides.clone(), ..Options::default() };
        let mut net = Net::open(&case.safetensors(), &open).expect("a net");
        let endpoint = tuner.endpoint().expect("an endpoint").to_owned();
        let maps = net.infer(&frame, &View::default(), &[&endpoint]).expect("maps").remove(0).data;
        let batch: Vec<f32> =
            (0..4).flat_map(|at| maps.iter().map(move |value| value * (0.8 + 0.1 * at as f32))).collect();
        let targets = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        for _ in 0..5 {
            tuner.step(&batch, &targets, &step(1e-3)).expect("a step");
        }
        let expected = tuner.predict(&maps).expect("probabilities");

        let labels = ["mug", "cup", "glass"].map(String::from);
        let file = tuner.write(&labels).expect("a file");
        let mut tuned = Net::open(&file, &Options::default()).expect("a net");
        assert_eq!(tuned.spec().labels, labels);
        assert_eq!(tuned.origin().naming, "canonical");
        let found = tuned.infer(&frame, &View::default(), &["predictions"]).expect("probabilities").remove(0).data;
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-4,
                "{found} from the file, {expected} while training, {batch_norm:?}"
            );
        }
        let before = net.infer(&frame, &View::default(), &["global_pool"]).expect("features").remove(0).data;
        let after = tuned.infer(&frame, &View::default(), &["global_pool"]).expect("features").remove(0).data;
        assert_ne!(before, after, "the end of the network was trained");
        let [before, after] = [&mut net, &mut tuned]
            .map(|net| net.infer(&frame, &View::default(), &["layer_15"]).expect("maps").remove(0).data);
        assert_eq!(before, after, "its beginning was not");
    }
}

#[test]
fn the_best_weights_come_back() {
    let case = case("keras-v1-0.25-129x97-tail");
    let mut options = options(&case, Cut::Endpoint("Conv2d_12_pointwise".into()), 4, 3);
    options.batch_norm = BatchNorm::Training;
    let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
    tuner.attach(&head(256, 4)).expect("a head");
    let (maps, targets) = batch(&tuner, 0, 3, 4);
    tuner.step(&maps, &targets, &step(1e-3)).expect("a step");
    tuner.keep();
    let (kept, written) = (tuner.predict(&maps).expect("probabilities"), tuner.write(&[]).expect("a file"));
    tuner.step(&maps, &targets, &step(0.1)).expect("a step");
    assert_ne!(tuner.predict(&maps).expect("probabilities"), kept);
    tuner.back();
    assert_eq!(tuner.predict(&maps).expect("probabilities"), kept);
    assert_eq!(tuner.write(&[]).expect("a file"), written);
    let gradient_again = tuner.step(&maps, &targets, &step(1e-3)).expect("a step").loss;
    assert!(gradient_again.is_finite());
}

#[test]
fn what_goes_wrong_is_told() {
    let case = case("keras-v2-0.35-96x160");
    let open = |from: Cut| Tuner::open(case.safetensors(), &options(&case, from, 3, 2));
    let kind = |from: Cut| open(from).err().map(|why| why.kind());
    assert_eq!(kind(Cut::Endpoint("layer_99".into())), Some(Kind::UnknownEndpoint));
    assert_eq!(kind(Cut::Layer(154)), Some(Kind::BadOption));
    assert_eq!(kind(Cut::LayerOf(120, 150)), Some(Kind::BadOption));

    let mut tuner = open(Cut::Endpoint("layer_17".into())).expect("a tuner");
    let (maps, targets) = batch(&tuner, 0, 2, 3);
    assert_eq!(tuner.step(&maps, &targets, &step(1e-3)).map_err(|why| why.kind()), Err(Kind::NotTrained));
    assert_eq!(tuner.attach(&head(1024, 3)).map_err(|why| why.kind()), Err(Kind::WrongBackbone));
    assert_eq!(tuner.attach(&head(1280, 4)).map_err(|why| why.kind()), Err(Kind::BadOption));
    let hidden = Head::create(Task::Softmax, 1280, 3, 16, 1).expect("a head");
    assert_eq!(tuner.attach(&hidden).map_err(|why| why.kind()), Err(Kind::BadOption));
    tuner.attach(&head(1280, 3)).expect("a head");
    assert_eq!(tuner.step(&maps[1..], &targets, &step(1e-3)).map_err(|why| why.kind()), Err(Kind::SourceWrongLength));
    assert_eq!(tuner.step(&maps, &targets[1..], &step(1e-3)).map_err(|why| why.kind()), Err(Kind::SourceWrongLength));
    let before = tuner.predict(&maps).expect("probabilities");
    let mut broken = maps.clone();
    broken[7] = f32::NAN;
    let why = tuner.step(&broken, &targets, &step(1e-3)).expect_err("a NaN");
    assert_eq!(why.kind(), Kind::TrainingDiverged);
    assert!(why.to_string().starts_with("batch 1 of fine-tuning: expected finite numbers, found maps of NaN"), "{why}");
    assert_eq!(tuner.predict(&maps).expect("probabilities"), before, "nothing moved");
}

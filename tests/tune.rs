//! Fine-tuning: against Keras, which trained the same networks with the same weights, batches and optimizers
//! (`tools/golden/tuning.py`), and by its own promises.

mod seeded;

use mobilenet_web::graph::Graph;
use mobilenet_web::lane::Body;
use mobilenet_web::model::{Spec, Version};
use mobilenet_web::train::tune::{BatchNorm, Cut, Score, StepOptions, TuneOptions, Tuner, keras_layers};
use mobilenet_web::train::{
    ClassWeights, Event, FitOptions, Head, Loss, Part, Purpose, Random, Rule, Run, Samples, Schedule, Task,
};
use mobilenet_web::weights::Overrides;
use mobilenet_web::{Frame, Kind, Net, Options, View};
use seeded::Case;
use serde_json::Value;

/// Of a loss, in double precision there and in single precision here, through up to 60 layers and six steps.
const TOLERANCE: f64 = 1e-4;

fn golden(name: &str) -> String {
    let path = format!("{}/tests/data/training/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn case(name: &str) -> Case {
    let cases = seeded::cases(&seeded::committed());
    cases.into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

fn options(case: &Case, from: Cut, outputs: usize, batch_size: usize) -> TuneOptions {
    TuneOptions {
        overrides: Overrides { height_px: Some(case.height), width_px: Some(case.width), ..Overrides::default() },
        from,
        task: if outputs == 1 { Task::Sigmoid } else { Task::Softmax },
        outputs,
        batch_norm: BatchNorm::Frozen,
        momentum: None,
        batch_size,
    }
}

/// A head of seeded weights.
fn head(features: usize, outputs: usize) -> Head {
    let task = if outputs == 1 { Task::Sigmoid } else { Task::Softmax };
    let (kernel, bias) = (seeded::tensor("head/kernel", &[features, outputs]), seeded::tensor("head/bias", &[outputs]));
    Head::from_kernels(task, features, &[(&kernel, &bias)]).expect("a head")
}

/// Batch `at`: maps and targets.
fn batch(tuner: &Tuner, at: usize, samples: usize, outputs: usize) -> (Vec<f32>, Vec<f32>) {
    let shape = tuner.shape();
    let count = samples * shape.pixels() * shape.channels;
    let maps = seeded::numbers(&format!("maps/{at}"), count).into_iter().map(|value| 2.0 * value).collect();
    let target = |sample: usize, output: usize| f32::from(u8::from((sample + at) % outputs.max(2) == output));
    let targets = (0..samples).flat_map(|sample| (0..outputs).map(move |output| (sample, output)));
    (maps, targets.map(|(sample, output)| target(sample, output)).collect())
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

fn step(learning_rate: f32) -> StepOptions {
    step_of(Loss::new(Task::Softmax), learning_rate)
}

fn step_of(loss: Loss, learning_rate: f32) -> StepOptions {
    StepOptions::new(&FitOptions { learning_rate, ..FitOptions::default() }, loss, [0, 0])
}

/// A tuner of the last layer alone is a head's training: the same dropout, schedule, class weights and smoothing come to the
/// same losses.
#[test]
fn what_heads_take_the_networks_end_takes() {
    const SAMPLES: usize = 9;
    let case = case("keras-v2-0.35-96x160");
    let fit = FitOptions {
        epochs: 4,
        batch_size: 4,
        learning_rate: 0.01,
        schedule: Schedule::Cosine { end: 0.1 },
        dropout: 0.3,
        label_smoothing: 0.1,
        l2: 0.001,
        class_weights: ClassWeights::Balanced,
        seed: 5,
        ..FitOptions::default()
    };
    let options = options(&case, Cut::Endpoint("logits".into()), 3, fit.batch_size);
    let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
    let head = head(1280, 3);
    tuner.attach(&head).expect("a head");
    // Class 0 has more of them than the others.
    let (vectors, _) = batch(&tuner, 0, SAMPLES, 3);
    let target = |row: usize| [0, 1, 2].map(|class| f32::from(u8::from(row % 5 % 3 == class)));
    let mut samples = Samples::new(1280, 3).expect("samples");
    for (row, vector) in vectors.chunks(1280).enumerate() {
        samples.push(vector, &target(row)).expect("a sample");
    }

    let mut run = Run::begin(&head, &samples, &[Part::Train; SAMPLES], fit.clone(), &[]).expect("a run");
    let loss = fit.loss(Task::Softmax, 3, &samples.targets_of(&[0, 1, 2, 3, 4, 5, 6, 7, 8])).expect("a loss");
    for epoch in 0..fit.epochs {
        let mut rows: Vec<usize> = (0..SAMPLES).collect();
        Random::new(fit.seed, Purpose::Order, [epoch as u64, 0]).shuffle(&mut rows);
        for (at, rows) in rows.chunks(fit.batch_size).enumerate() {
            let Ok(Some(Event::Batch { loss: expected, .. })) = run.step(&samples) else { panic!("no batch {at}") };
            let maps: Vec<f32> = rows.iter().flat_map(|&row| samples.vector(row)).copied().collect();
            let step = StepOptions::new(&fit, loss.clone(), [epoch, at]);
            let found = tuner.step(&maps, &samples.targets_of(rows), &step).expect("a step").loss;
            let apart = (found - expected).abs() / expected;
            assert!(apart < 1e-5, "epoch {epoch}, batch {at}: {found}, of a head {expected}");
        }
        assert!(matches!(run.step(&samples), Ok(Some(Event::Epoch(_)))));
    }
    // What was left out of a batch is there again.
    let expected = run.finish().predict(&vectors[..1280]).expect("probabilities");
    let found = tuner.predict(&vectors[..1280]).expect("probabilities");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{found}, of a head {expected}");
    }
}

/// What is left out of a picture is left out of its gradients: it is as though the head had no such weights.
#[test]
fn dropout_is_a_head_without_those_weights() {
    const SHARE: f32 = 0.4;
    let case = case("keras-v2-0.35-96x160");
    let options = options(&case, Cut::Endpoint("layer_17".into()), 3, 1);
    let (kernel, bias) = (seeded::tensor("head/kernel", &[1280, 3]), seeded::tensor("head/bias", &[3]));
    let mut random = Random::new(7, Purpose::Dropout, [2, 3]);
    let factors: Vec<f32> = (0..1280).map(|_| if random.unit() < SHARE { 0.0 } else { 1.0 / (1.0 - SHARE) }).collect();
    let less: Vec<f32> = kernel.iter().enumerate().map(|(at, weight)| weight * factors[at / 3]).collect();
    let plain = StepOptions { optimizer: Rule::Sgd { momentum: 0.0 }, ..step(0.1) };
    let dropped = StepOptions { dropout: SHARE, seed: 7, place: [2, 3], ..plain.clone() };
    let trained = [(&kernel, dropped), (&less, plain)].map(|(kernel, step)| {
        let mut tuner = Tuner::open(case.safetensors(), &options).expect("a tuner");
        tuner.attach(&Head::from_kernels(Task::Softmax, 1280, &[(kernel, &bias)]).expect("a head")).expect("a head");
        let (maps, targets) = batch(&tuner, 0, 1, 3);
        let score = tuner.step(&maps, &targets, &step).expect("a step");
        (score, tuner.write(&[]).expect("a file"))
    });
    let [(score, file), (expected, other)] = &trained;
    assert!((score.loss - expected.loss).abs() < 1e-6 * expected.loss, "{score:?}, {expected:?}");
    let [file, other] = [file, other].map(|file| safetensors::SafeTensors::deserialize(file).expect("safetensors"));
    let mut compared = 0;
    for name in file.names().into_iter().filter(|name| !name.starts_with("logits")) {
        let [found, expected] = [&file, &other].map(|file| {
            let bytes = file.tensor(name).expect("a tensor").data().to_vec();
            bytemuck::pod_collect_to_vec::<u8, f32>(&bytes)
        });
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{name}: {found}, {expected}");
            compared += 1;
        }
    }
    assert!(compared > 400_000, "{compared}");
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

/// A picture goes the engine's way before a network that is trained from the first layer on.
#[test]
fn pictures_are_what_the_engine_makes_of_them() {
    let case = case("keras-v2-0.35-96x160");
    let mut tuner = Tuner::open(case.safetensors(), &options(&case, Cut::Layer(0), 3, 2)).expect("a tuner");
    tuner.attach(&head(1280, 3)).expect("a head");
    let (width_px, height_px) = (211, 130);
    let numbers = seeded::numbers("picture", height_px * width_px * 4);
    let rgba: Vec<u8> = numbers.into_iter().map(|value| (value * 127.0 + 128.0) as u8).collect();
    let frame = Frame { rgba: &rgba, width_px, height_px };
    let picture = tuner.picture(&frame).expect("a picture");
    assert_eq!(picture.len(), 96 * 160 * 3);
    let mut net = Net::open(&tuner.write(&[]).expect("a file"), &Options::default()).expect("a net");
    let expected = net.infer(&frame, &View::default(), &["predictions"]).expect("probabilities").remove(0).data;
    for (found, expected) in tuner.predict(&picture).expect("probabilities").iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found}, of the engine {expected}");
    }
    let score = tuner.step(&picture, &[0.0, 1.0, 0.0], &step(1e-3)).expect("a step");
    let after = tuner.step(&picture, &[0.0, 1.0, 0.0], &step(1e-3)).expect("a step");
    assert!(after.loss < score.loss, "{score:?}, {after:?}");
    let empty = Frame { rgba: &[], width_px: 0, height_px: 0 };
    assert_eq!(tuner.picture(&empty).map_err(|why| why.kind()), Err(Kind::SourceEmpty));
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

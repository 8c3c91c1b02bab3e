//! Epochs, validation, the best one, and what ends a run.

use super::super::options::{ClassWeights, EarlyStopping, class_weights};
use super::super::{Rule, Schedule};
use super::*;
use crate::Kind;

const FEATURES: usize = 8;

/// Two clouds that overlap a little, the first half of either to learn from.
fn clouds(count: usize, spread: f32) -> (Samples, Vec<Part>) {
    let mut samples = Samples::new(FEATURES, 2).expect("counts");
    let mut random = Random::new(9, Purpose::Weights, [0, 0]);
    for row in 0..count {
        let class = row % 2;
        let centre = if class == 0 { 0.5 } else { -0.5 };
        let vector: Vec<f32> = (0..FEATURES).map(|_| centre + random.within(spread)).collect();
        let one = f32::from(u8::from(class == 1));
        samples.push(&vector, &[1.0 - one, one]).expect("a sample");
    }
    let parts = (0..count).map(|row| if row % 4 < 2 { Part::Train } else { Part::Validation }).collect();
    (samples, parts)
}

fn head() -> Head {
    Head::create(Task::Softmax, FEATURES, 2, 0, 1).expect("a head")
}

fn run(samples: &Samples, parts: &[Part], head: &Head, options: FitOptions) -> (Vec<Epoch>, Run) {
    let mut run = Run::begin(head, samples, parts, options, &[]).expect("a run");
    let mut epochs = Vec::new();
    while let Some(event) = run.step(samples).expect("a step") {
        if let Event::Epoch(epoch) = event {
            epochs.push(epoch);
        }
    }
    (epochs, run)
}

fn weights(head: &Head) -> Vec<f32> {
    head.single().expect("one layer").weights.clone()
}

#[test]
fn it_learns_and_tells_every_step() {
    let (samples, parts) = clouds(200, 1.5);
    let options = FitOptions { epochs: 30, batch_size: 32, learning_rate: 0.01, ..FitOptions::default() };
    let mut run = Run::begin(&head(), &samples, &parts, options, &[]).expect("a run");
    let mut events = Vec::new();
    while let Some(event) = run.step(&samples).expect("a step") {
        events.push(event);
    }
    let batches: Vec<_> = events.iter().filter(|event| matches!(event, Event::Batch { .. })).collect();
    assert_eq!(batches.len(), 30 * 4);
    assert!(matches!(batches[5], Event::Batch { epoch: 1, batch: 1, batches: 4, .. }), "{:?}", batches[5]);
    let Some(Event::Epoch(last)) = events.last() else { panic!("{:?}", events.last()) };
    assert!(last.validation_accuracy.is_some_and(|accuracy| accuracy > 0.9), "{last:?}");
    assert_eq!((run.stopped(), run.counts()), (Stopped::Done, [100, 100, 0]));
    assert_eq!(run.step(&samples), Ok(None));
}

#[test]
fn the_same_seed_gives_the_same_head_and_another_seed_another() {
    let (samples, parts) = clouds(60, 1.0);
    let of = |seed| {
        let options = FitOptions { epochs: 3, dropout: 0.3, seed, ..FitOptions::default() };
        weights(&run(&samples, &parts, &head(), options).1.finish())
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

/// The optimiser's memory and the order of epochs belong to it.
#[test]
fn what_is_continued_comes_to_the_same() {
    let (samples, parts) = clouds(100, 1.5);
    for optimizer in [Rule::Adam, Rule::Sgd { momentum: 0.9 }] {
        let options = |initial_epoch, epochs| FitOptions {
            epochs,
            initial_epoch,
            optimizer,
            learning_rate: 0.002,
            ..FitOptions::default()
        };
        let (whole, at_once) = run(&samples, &parts, &head(), options(0, 8));
        let (first, half) = run(&samples, &parts, &head(), options(0, 4));
        assert_eq!(half.best_epoch(), Some(3), "losses still fall, so that the last epoch is the best");
        let (second, done) = run(&samples, &parts, &half.finish(), options(4, 8));
        assert_eq!([first, second].concat(), whole);
        assert_eq!(weights(&done.finish()), weights(&at_once.finish()));
    }
}

#[test]
fn the_best_epochs_weights_are_kept_and_patience_ends() {
    let (samples, parts) = clouds(40, 3.0);
    let options = FitOptions {
        epochs: 200,
        learning_rate: 0.05,
        early_stopping: Some(EarlyStopping { patience: 4, min_delta: 0.0 }),
        ..FitOptions::default()
    };
    let (epochs, run) = run(&samples, &parts, &head(), options);
    assert_eq!(run.stopped(), Stopped::Early);
    let best = run.best_epoch().expect("a best epoch");
    assert_eq!(epochs.len(), best + 5, "four epochs after the best one");
    let losses: Vec<f64> = epochs.iter().filter_map(|epoch| epoch.validation_loss).collect();
    assert!(losses.iter().all(|loss| *loss >= losses[best]));
    let rows: Vec<usize> = (0..40).filter(|row| parts[*row] == Part::Validation).collect();
    let evaluation = super::super::evaluate(&run.finish(), &samples, &rows).expect("an evaluation");
    assert!((evaluation.loss - losses[best]).abs() < 1e-6);
}

#[test]
fn going_on_does_not_lose_what_was_better() {
    let (samples, parts) = clouds(60, 2.0);
    let good = run(&samples, &parts, &head(), FitOptions { epochs: 40, ..FitOptions::default() }).1.finish();
    let ruin = FitOptions { epochs: 42, initial_epoch: 40, learning_rate: 500.0, ..FitOptions::default() };
    let (_, run) = run(&samples, &parts, &good, ruin);
    assert_eq!(run.best_epoch(), None);
    assert_eq!(weights(&run.finish()), weights(&good));
}

#[test]
fn nothing_held_out_means_the_lowest_loss_of_training() {
    let (samples, _) = clouds(20, 0.5);
    let (epochs, run) = run(&samples, &[Part::Train; 20], &head(), FitOptions { epochs: 5, ..FitOptions::default() });
    assert_eq!(run.best_epoch(), Some(4));
    assert!(epochs.iter().all(|epoch| epoch.validation_loss.is_none() && epoch.validation_accuracy.is_none()));
}

#[test]
fn an_abort_leaves_the_best_so_far() {
    let (samples, parts) = clouds(100, 1.0);
    let options = FitOptions { epochs: 50, batch_size: 10, ..FitOptions::default() };
    let mut run = Run::begin(&head(), &samples, &parts, options, &[]).expect("a run");
    for _ in 0..3 {
        run.step(&samples).expect("a step");
    }
    assert_eq!((run.best_epoch(), run.stopped()), (None, Stopped::Aborted));
    assert_ne!(weights(&run.finish()), weights(&head()), "before the first epoch's end, as far as it came");
    while run.best_epoch() != Some(1) {
        run.step(&samples).expect("a step");
    }
    let at_best = weights(&run.finish());
    run.step(&samples).expect("a step");
    assert_eq!(weights(&run.finish()), at_best);
}

#[test]
fn what_diverges_ends_the_run_with_epoch_and_batch_and_keeps_the_best() {
    let mut samples = Samples::new(1, 1).expect("counts");
    for row in 0..8_u8 {
        samples.push(&[f32::from(row)], &[f32::from(row) * 2.0]).expect("a sample");
    }
    let parts = [Part::Train; 8];
    let head = Head::create(Task::Regression, 1, 1, 0, 1).expect("a head");
    let options = FitOptions {
        epochs: 500,
        batch_size: 4,
        optimizer: Rule::Sgd { momentum: 0.0 },
        learning_rate: 0.3,
        ..FitOptions::default()
    };
    let mut run = Run::begin(&head, &samples, &parts, options, &[]).expect("a run");
    let error = loop {
        match run.step(&samples) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it should have diverged"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::TrainingDiverged);
    assert!(error.to_string().starts_with("epoch ") && error.to_string().contains(", batch "), "{error}");
    assert_eq!(run.step(&samples), Ok(None));
    assert!(weights(&run.finish()).iter().all(|weight| weight.is_finite()));
}

#[test]
fn learning_rates_follow_the_schedule() {
    let (samples, parts) = clouds(20, 1.0);
    let options = FitOptions {
        epochs: 4,
        learning_rate: 0.1,
        schedule: Schedule::Step { factor: 0.5, epochs: 2 },
        ..FitOptions::default()
    };
    let rates: Vec<f32> = run(&samples, &parts, &head(), options).0.iter().map(|epoch| epoch.learning_rate).collect();
    assert_eq!(rates, [0.1, 0.1, 0.05, 0.05]);
}

#[test]
fn long_validations_come_in_pieces() {
    let (samples, parts) = clouds(1200, 1.0);
    let options = FitOptions { epochs: 1, batch_size: 600, ..FitOptions::default() };
    let mut run = Run::begin(&head(), &samples, &parts, options, &[]).expect("a run");
    let mut pieces = Vec::new();
    while let Some(event) = run.step(&samples).expect("a step") {
        if let Event::Validating { done, total } = event {
            pieces.push((done, total));
        }
    }
    assert_eq!(pieces, [(256, 600), (512, 600)]);
}

#[test]
fn ten_thousand_samples_are_only_more_of_them() {
    let (samples, parts) = clouds(10_000, 1.0);
    let options = FitOptions { epochs: 2, batch_size: 256, learning_rate: 0.1, ..FitOptions::default() };
    let (epochs, run) = run(&samples, &parts, &head(), options);
    assert_eq!(run.counts(), [5000, 5000, 0]);
    assert!(epochs[1].validation_accuracy.is_some_and(|accuracy| accuracy > 0.95), "{:?}", epochs[1]);
}

#[test]
fn weights_of_classes_are_counted_and_checked() {
    let (samples, _) = clouds(10, 1.0);
    let rows = [0, 1, 2, 4, 6, 8];
    let of = |given: &ClassWeights, task| class_weights(given, task, samples.outputs(), &samples.targets_of(&rows));
    // Five of the first class, one of the second.
    let balanced = of(&ClassWeights::Balanced, Task::Softmax).expect("weights").expect("some");
    assert!((balanced[0][1] - 0.6).abs() < 1e-6 && (balanced[1][1] - 3.0).abs() < 1e-6, "{balanced:?}");
    assert_eq!(of(&ClassWeights::Equal, Task::Softmax), Ok(None));
    let kind = |given, task| of(&given, task).expect_err("a refusal").kind();
    assert_eq!(kind(ClassWeights::Given(vec![1.0; 3]), Task::Softmax), Kind::BadOption);
    assert_eq!(kind(ClassWeights::Balanced, Task::Regression), Kind::BadOption);
}

#[test]
fn bad_input_is_refused_before_anything_is_trained() {
    let (samples, parts) = clouds(20, 1.0);
    let names = ["cup".to_owned(), "hand".to_owned()];
    let kind = |head: &Head, samples: &Samples, parts: &[Part], options| {
        let error = Run::begin(head, samples, parts, options, &names).err().expect("a refusal");
        (error.kind(), error.to_string())
    };
    let usual = FitOptions::default;
    assert_eq!(kind(&head(), &samples, &parts[1..], usual()).0, Kind::BadOption);
    assert_eq!(kind(&head(), &samples, &parts, FitOptions { epochs: 0, ..usual() }).0, Kind::BadOption);
    let other = Head::create(Task::Softmax, FEATURES + 1, 2, 0, 1).expect("a head");
    assert_eq!(kind(&other, &samples, &parts, usual()).0, Kind::WrongBackbone);
    let third = Head::create(Task::Softmax, FEATURES, 3, 0, 1).expect("a head");
    assert_eq!(kind(&third, &samples, &parts, usual()).0, Kind::BadOption);
    let one_class: Vec<Part> = (0..20).map(|row| if row % 2 == 0 { Part::Train } else { Part::Test }).collect();
    let (found, text) = kind(&head(), &samples, &one_class, usual());
    assert_eq!(found, Kind::TooFewSamples);
    assert!(text.contains("\"hand\""), "{text}");
    let votes = super::super::nearest::neighbours(Task::Softmax, &samples, &[0, 1], 1, &[]).expect("a head");
    assert_eq!(kind(&votes, &samples, &parts, usual()).0, Kind::BadOption);
}

//! What is written is read again; what others read says the same; what is damaged is refused.

use super::super::nearest::{centroids, neighbours};
use super::super::samples::Samples;
use super::*;

fn said(outputs: usize) -> Said {
    Said {
        classes: (0..outputs).map(|output| format!("class \"{output}\"")).collect(),
        preprocessing: "keras".into(),
        endpoint: "global_pool".into(),
        backbone: "v2 1.0 224".into(),
        fingerprint: vec![0.5, -1.0, 2.0],
        metrics: vec![("accuracy".to_owned(), 0.96875), ("loss".to_owned(), 0.125)],
        seed: 12_345_678_901,
        threshold: Some(0.625),
        version: VERSION.into(),
    }
}

fn heads() -> Vec<Head> {
    let mut samples = Samples::new(4, 2).expect("counts");
    samples.push(&[1.0, 0.0, 0.5, 0.0], &[1.0, 0.0]).expect("a sample");
    samples.push(&[0.0, 1.0, 0.0, 0.5], &[0.0, 1.0]).expect("a sample");
    let mut heads = vec![
        neighbours(Task::Softmax, &samples, &[0, 1], 2, &[]).expect("a head"),
        centroids(Task::Softmax, &samples, &[0, 1], &[]).expect("a head"),
    ];
    for task in [Task::Softmax, Task::Sigmoid, Task::Regression] {
        heads.push(Head::create(task, 4, 2, 0, 1).expect("a head"));
        heads.push(Head::create(task, 4, 2, 3, 1).expect("a head"));
    }
    heads
}

#[test]
fn heads_come_back_as_they_were() {
    for head in heads() {
        let bytes = write(&head, &said(2)).expect("a file");
        assert_eq!(bytes, write(&head, &said(2)).expect("a file"), "the same bytes every time");
        let (again, told) = read(&bytes).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(told, said(2));
        assert_eq!((again.task, again.method, again.params()), (head.task, head.method, head.params()));
        for vector in [[0.3, 0.9, -1.0, 2.0], [1.0, 0.0, 0.0, 0.0]] {
            assert_eq!(again.predict(&vector), head.predict(&vector), "{:?} {:?}", head.task, head.method);
        }
    }
}

#[test]
fn nothing_has_to_be_said() {
    let head = Head::create(Task::Softmax, 4, 2, 0, 1).expect("a head");
    let (_, told) = read(&write(&head, &Said::default()).expect("a file")).expect("a head");
    assert_eq!(told, Said { version: VERSION.into(), ..Said::default() });
    assert_eq!(write(&head, &said(3)).expect_err("a name too many").kind(), Kind::BadOption);
}

#[test]
fn a_head_of_two_classes_is_small() {
    let head = Head::create(Task::Softmax, 1280, 2, 0, 1).expect("a head");
    let more = Said { fingerprint: vec![0.0; 1280], ..said(2) };
    let length = write(&head, &more).expect("a file").len();
    assert!((15_000..20_000).contains(&length), "{length} bytes");
}

#[test]
fn other_files_and_damaged_ones_are_told_apart() {
    let head = Head::create(Task::Softmax, 4, 2, 3, 1).expect("a head");
    let good = write(&head, &said(2)).expect("a file");
    let kind = |bytes: &[u8]| read(bytes).expect_err("a refusal").kind();
    assert_eq!(kind(b""), Kind::UnsupportedFormat);
    assert_eq!(kind(b"<!doctype html>"), Kind::UnsupportedFormat);
    assert_eq!(kind(&weights::write_tensors(&[], &BTreeMap::new())), Kind::UnsupportedFormat);
    let last = good.len() - 1;
    let mut flipped = good.clone();
    flipped[last] ^= 1;
    assert_eq!(kind(&flipped), Kind::Corrupt);
    for end in [9, 40, 200, last] {
        assert!(read(&good[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn contradictions_are_named() {
    let layer = |rows: usize, columns: usize| vec![0.5; rows * columns];
    let keys = |method: &str| -> BTreeMap<String, String> {
        [
            ("version", "1"),
            ("task", "softmax"),
            ("method", method),
            ("seed", "1"),
            ("neighbours", "1"),
            ("sharpness", "10"),
        ]
        .map(|(key, value)| (format!("{PREFIX}{key}"), value.to_owned()))
        .into()
    };
    let refused = |tensors: &[(&'static str, &[usize])],
                   method: &str,
                   change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let tensors: Vec<Tensor<'_>> =
            tensors.iter().map(|(name, shape)| Tensor::of(name, shape, &layer(shape.iter().product(), 1))).collect();
        let mut keys = keys(method);
        change(&mut keys);
        read(&weights::write_tensors(&tensors, &keys)).expect_err("a refusal").kind()
    };
    let nothing = |_: &mut BTreeMap<String, String>| {};
    let good: [(&'static str, &[usize]); 2] = [(OUT[0], &[2, 4]), (OUT[1], &[2])];
    assert_eq!(refused(&good[..1], "gradient", &nothing), Kind::MissingTensor);
    assert_eq!(refused(&[good[0], (OUT[1], &[3])], "gradient", &nothing), Kind::WrongShape);
    assert_eq!(refused(&[(OUT[0], &[2, 0]), good[1]], "gradient", &nothing), Kind::WrongShape);
    let hidden: [(&'static str, &[usize]); 2] = [(HIDDEN[0], &[3, 5]), (HIDDEN[1], &[3])];
    assert_eq!(refused(&[good[0], good[1], hidden[0], hidden[1]], "gradient", &nothing), Kind::WrongShape);
    assert_eq!(refused(&[(STORED[0], &[3, 4]), (STORED[1], &[2, 2])], "neighbours", &nothing), Kind::WrongShape);
    for (key, value) in [("task", "guess"), ("seed", "-1"), ("threshold", "high"), ("classes", "one\n")] {
        let change = |keys: &mut BTreeMap<String, String>| {
            keys.insert(format!("{PREFIX}{key}"), value.to_owned());
        };
        assert_eq!(refused(&good, "gradient", &change), Kind::BadMetadata, "{key}");
    }
    let none = |keys: &mut BTreeMap<String, String>| {
        keys.insert(format!("{PREFIX}neighbours"), "0".into());
    };
    assert_eq!(refused(&[(STORED[0], &[3, 4]), (STORED[1], &[3, 2])], "neighbours", &none), Kind::BadMetadata);
}

#[test]
fn tensorflow_js_gets_layers_in_its_own_layout() {
    let head = Head::create(Task::Softmax, 4, 2, 3, 1).expect("a head");
    let [model, weights, metadata] = &to_tfjs(&head, &said(2)).expect("files")[..] else { panic!("three files") };
    let model: serde_json::Value = serde_json::from_slice(&model.bytes).expect("JSON");
    let layers = &model["modelTopology"]["config"]["layers"];
    assert_eq!(layers[0]["config"]["batch_input_shape"], serde_json::json!([null, 4]));
    assert_eq!(layers[1]["config"]["activation"], "softmax");
    let listed = model["weightsManifest"][0]["weights"].as_array().expect("a list");
    let count = |tensor: &serde_json::Value| -> u64 {
        tensor["shape"].as_array().expect("a shape").iter().filter_map(serde_json::Value::as_u64).product()
    };
    assert_eq!(listed.iter().map(count).sum::<u64>() as usize * 4, weights.bytes.len());
    // Read as kernels `[in, out]` they are the same head again.
    let numbers: Vec<f32> = weights.bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let layers: [(&[f32], &[f32]); 2] = [(&numbers[..12], &numbers[12..15]), (&numbers[15..21], &numbers[21..])];
    let again = Head::from_kernels(Task::Softmax, 4, &layers).expect("a head");
    let vector = [0.5, -1.0, 2.0, 0.25];
    assert_eq!(again.predict(&vector), head.predict(&vector));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.bytes).expect("JSON");
    assert_eq!(metadata["labels"], serde_json::json!(["class \"0\"", "class \"1\""]));
    assert_eq!(metadata["userMetadata"]["endpoint"], "global_pool");
}

#[test]
fn what_other_programs_cannot_compute_is_refused() {
    for head in heads() {
        let [onnx, tfjs] = [to_onnx(&head, &said(2)).map(drop), to_tfjs(&head, &said(2)).map(drop)];
        let refused = |result: Result<()>| result.is_err_and(|error| error.kind() == Kind::Unsupported);
        assert_eq!(refused(onnx), head.method == Method::Neighbours);
        assert_eq!(refused(tfjs), head.method != Method::Gradient, "{:?}", head.method);
    }
}

/// Fields of a protocol buffer's message: numbers, and bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let length = 1 + bytes.iter().take_while(|byte| **byte >= 0x80).count();
        let (number, rest) = bytes.split_at(length);
        *bytes = rest;
        number.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = varint(&mut bytes);
        let (inner, rest) = bytes.split_at(if key & 7 == 2 { value as usize } else { 0 });
        bytes = rest;
        fields.push((key >> 3, value, inner.to_vec()));
    }
    fields
}

/// onnxruntime and TensorFlow.js themselves were asked once, and said the same to 6e-8.
#[test]
fn onnx_holds_the_layers_as_they_are() {
    let head = Head::create(Task::Sigmoid, 4, 2, 3, 1).expect("a head");
    let model = fields(&to_onnx(&head, &said(2)).expect("a file"));
    let bytes = |message: &[(u64, u64, Vec<u8>)], wanted: u64| -> Vec<Vec<u8>> {
        message.iter().filter(|field| field.0 == wanted).map(|field| field.2.clone()).collect()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let graph = fields(&bytes(&model, 7)[0]);
    let operators: Vec<String> = bytes(&graph, 1).iter().map(|node| text(&bytes(&fields(node), 4)[0])).collect();
    assert_eq!(operators, ["Gemm", "Relu", "Gemm", "Sigmoid"]);
    let Body::Dense { hidden: Some(hidden), out, .. } = &head.body else { panic!("layers") };
    let expected = [
        (HIDDEN[0], vec![3, 4], &hidden.weights),
        (HIDDEN[1], vec![3], &hidden.biases),
        (OUT[0], vec![2, 3], &out.weights),
        (OUT[1], vec![2], &out.biases),
    ];
    for (tensor, (name, shape, values)) in bytes(&graph, 5).iter().map(|tensor| fields(tensor)).zip(expected) {
        let sides: Vec<u64> = tensor.iter().filter(|field| field.0 == 1).map(|field| field.1).collect();
        assert_eq!((text(&bytes(&tensor, 8)[0]), sides), (name.to_owned(), shape));
        assert_eq!(bytes(&tensor, 9)[0], little_endian(values));
    }
    let labels = bytes(&model, 14).iter().map(|entry| bytes(&fields(entry), 2)[0].clone()).next().expect("labels");
    assert_eq!(text(&labels), "class \"0\"\nclass \"1\"");
}

//! HDF5 in the layouts that h5py knows: superblocks 0, 2 and 3, old and new groups, chunks and filters.

mod keras_common;
mod weights_common;

use keras_common::{KINDS_V0, KINDS_V3, LAYERS_V0, LAYERS_V3, PLAIN_V0, PLAIN_V2, PLAIN_V3, deflated};
use mobilenet_web::weights::{self, Dtype, Format};
use weights_common::zip_file;

fn counting(to: u16) -> Vec<f32> {
    (1..=to).map(f32::from).collect()
}

#[test]
fn every_superblock_is_read() {
    for (version, bytes) in [(0, PLAIN_V0), (2, PLAIN_V2), (3, PLAIN_V3)] {
        assert_eq!(bytes[8], version);
        let file = weights::read(bytes).unwrap();
        assert_eq!((file.format, file.iter().len()), (Format::KerasH5, 2));
        let a = file.get("a").unwrap();
        assert_eq!((&*a.shape, a.to_f32().unwrap()), (&[2, 3][..], counting(6)));
        assert_eq!(file.get("b").unwrap().to_f32().unwrap(), [7.0]);
        // Where the errors say that they are.
        assert_eq!(bytes[a.offset_bytes..a.offset_bytes + 4], 1_f32.to_le_bytes());
    }
}

#[test]
fn every_type_and_layout_is_read() {
    for bytes in [KINDS_V0, KINDS_V3] {
        let file = weights::read(bytes).unwrap();
        let numbers = |name: &str| file.get(name).unwrap().to_f32().unwrap();
        assert_eq!(numbers("half"), counting(3));
        assert_eq!(numbers("brain"), [1.0, -2.0]);
        assert_eq!(numbers("double"), counting(4));
        assert_eq!(numbers("empty"), [0.0; 0]);
        assert_eq!(numbers("compact"), counting(4));
        for name in ["chunks", "filtered", "single", "early"] {
            assert_eq!((numbers(name), &*file.get(name).unwrap().shape), (counting(35), &[5, 7][..]), "{name}");
        }
        assert_eq!(numbers("deflated"), counting(30));
        let dtype = |name: &str| file.get(name).unwrap().dtype;
        assert_eq!(dtype("half"), Dtype::F16);
        assert_eq!((dtype("brain"), dtype("double"), dtype("whole")), (Dtype::BF16, Dtype::F64, Dtype::I64));
    }
}

#[test]
fn layers_are_found_by_their_lists_of_names() {
    for (bytes, count) in [(LAYERS_V0, 12), (LAYERS_V3, 60)] {
        let file = weights::read(bytes).unwrap();
        let names: Vec<_> = file.iter().map(|tensor| &*tensor.name).collect();
        let expected: Vec<_> = (0..count).step_by(10).map(|at| format!("layer_{at}/bias:0")).collect();
        assert_eq!(names, expected);
        for (at, tensor) in file.iter().enumerate() {
            assert_eq!(tensor.to_f32().unwrap(), counting(at as u16 + 1));
        }
        assert_eq!(file.metadata["mobilenet.labels"], "cat\nköter");
    }
}

/// The layout of `.keras` by its groups, packed in each way.
#[test]
fn archives_are_read_whether_stored_or_deflated() {
    let config: &[u8] = br#"{"class_name": "Sequential", "config": {"layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 96, 64, 3]}},
        {"class_name": "Rescaling", "config": {"scale": 0.00392156862745098, "offset": 0.0}},
        {"class_name": "BatchNormalization", "config": {"epsilon": 1e-05}}]}}"#;
    for folder in ["", "model/"] {
        let names = ["config.json", "model.weights.h5"].map(|name| format!("{folder}{name}"));
        for weights in [PLAIN_V0, KINDS_V3] {
            let entries = [(&*names[0], config), (&*names[1], weights)];
            let plain = weights::read(weights).unwrap();
            for archive in [zip_file(&entries), deflated(&entries, None)] {
                let file = weights::read(&archive).unwrap();
                assert_eq!((file.format, file.iter().len()), (Format::Keras, plain.iter().len()));
                for (found, expected) in file.iter().zip(plain.iter()) {
                    assert_eq!(
                        (&found.name, found.dtype, &found.shape),
                        (&expected.name, expected.dtype, &expected.shape)
                    );
                    assert!(found.bytes == expected.bytes, "{}", found.name);
                }
                let stated = |key: &str| &*file.metadata[&format!("mobilenet.{key}")];
                assert_eq!((stated("height"), stated("width")), ("96", "64"));
                assert_eq!((stated("preprocessing"), stated("batch_norm_epsilon")), ("keras-unit", "1e-5"));
            }
        }
    }
}

//! The table of ImageNet's classes: how it is read, and that the generated one says what others say.

mod fixtures;

use fixtures::Fixtures;
use mobilenet_web::model::{Spec, Version};
use mobilenet_web::weights::{Overrides, parse_imagenet, parse_labels};
use mobilenet_web::{Kind, Net, Options};

/// A thousand lines that differ in id and, but for `crane`, in name.
fn table() -> String {
    let name = |index| if [134, 517].contains(&index) { "crane".into() } else { format!("name {index}") };
    (0..1000).map(|index| format!("n{index:08}\t{}\n", name(index))).collect()
}

fn net(classes: usize, overrides: Overrides) -> Net {
    let label_set = format!("imagenet-{classes}");
    let spec = Spec { multiplier: 0.35, height_px: 32, width_px: 32, classes, label_set, ..Spec::new(Version::V2) };
    Net::synthetic(spec, &Options { overrides, ..Options::default() }).expect("a valid spec")
}

#[test]
fn a_table_names_1000_classes_and_1001_with_background() {
    let (names, wnids) = parse_imagenet(&table(), 1000).unwrap();
    assert_eq!((names.len(), wnids.len()), (1000, 1000));
    assert_eq!((&*names[0], &*wnids[999]), ("name 0", "n00000999"));
    assert_eq!((&*names[134], &*names[517]), ("crane", "crane"));
    assert_eq!((&*wnids[134], &*wnids[517]), ("n00000134", "n00000517"), "the index tells them apart");

    let (shifted, ids) = parse_imagenet(&table().replace('\n', "\r\n"), 1001).unwrap();
    assert_eq!((&*shifted[0], &*ids[0]), ("background", ""));
    assert_eq!((&shifted[1..], &ids[1..]), (&names[..], &wnids[..]));
}

#[test]
fn another_text_is_refused_with_its_place() {
    let table = table();
    let short = table.replace("n00000999\tname 999\n", "");
    let long = format!("{table}n1\tone more\n");
    let gap = table.replace("\tname 7\n", "\n");
    let cases: [(&str, usize, &[&str]); 7] = [
        ("", 1000, &["class names: expected 1000 lines", "found 0 lines for 1000 classes"]),
        // Not taken for 999 classes behind a background.
        (&short, 1000, &["found 999 lines"]),
        (&short, 999, &["found 999 lines for 999 classes"]),
        (&long, 1001, &["found 1001 lines for 1001 classes"]),
        (&table, 1002, &["found 1000 lines for 1002 classes"]),
        (&gap, 1000, &["line 8: expected a WordNet id, a tab and a name, found n00000007"]),
        ("<!doctype html><title>Start page of a site</title>", 1001, &["line 1", "found <!doctype html>"]),
    ];
    for (text, classes, says) in cases {
        let error = parse_imagenet(text, classes).unwrap_err();
        assert_eq!(error.kind(), Kind::BadOption);
        let message = error.to_string();
        let remedy = "Serve the package's labels/imagenet.txt as it is, or give names by the option `labels`.";
        assert!(message.ends_with(remedy), "{message}");
        for part in says {
            assert!(message.contains(part), "no {part:?} in {message:?}");
        }
    }
}

#[test]
fn a_network_without_names_takes_them_and_says_so() {
    let mut net = net(1001, Overrides::default());
    assert!(net.is_nameless());
    assert_eq!((net.label_name(135), net.wnid(135)), ("class 135".into(), None));
    let error = net.name_imagenet("a page").unwrap_err();
    assert_eq!((error.kind(), net.is_nameless()), (Kind::BadOption, true));
    net.name_imagenet(&table()).unwrap();
    assert!(!net.is_nameless());
    assert_eq!((net.label_name(0), net.wnid(0)), ("background".into(), None));
    assert_eq!((net.label_name(135), net.wnid(135)), ("crane".into(), Some("n00000134")));
    assert_eq!((net.label_name(518), net.wnid(518)), ("crane".into(), Some("n00000517")));
    let inferred = net.origin().inferred.last().unwrap();
    assert_eq!((inferred.what, &*inferred.value), ("labels", "imagenet-1001"));
}

#[test]
fn names_and_ids_that_are_given_stay() {
    let list = |word: &str| Some((0..1000).map(|index| format!("{word} {index}")).collect::<Vec<_>>());
    assert!(!net(1000, Overrides { labels: list("own"), ..Overrides::default() }).is_nameless());
    assert!(!net(1000, Overrides { label_set: Some("birds".into()), ..Overrides::default() }).is_nameless());
    let mut net = net(1000, Overrides { wnids: list("id"), ..Overrides::default() });
    net.name_imagenet(&table()).unwrap();
    assert_eq!((net.label_name(3), net.wnid(3)), ("name 3".into(), Some("id 3")));
}

/// The generated table, which `cargo xtask build` writes. Without it a test says that it skips, except in CI.
fn generated() -> Option<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/pkg/labels/imagenet.txt");
    let table = std::fs::read_to_string(file).ok();
    assert!(table.is_some() || std::env::var_os("CI").is_none(), "{file} is missing: CI must not skip");
    if table.is_none() {
        eprintln!("SKIPPED: {file} is missing; run `cargo xtask weights fetch`");
    }
    table
}

/// A class's first name, for comparison with lists that write some a little differently.
fn first(names: &str) -> String {
    names.split(',').next().unwrap_or_default().trim().to_owned()
}

#[test]
fn the_generated_table_says_what_other_lists_say() {
    let (Some(table), Some(fixtures)) = (generated(), Fixtures::find()) else { return };
    let text = |name: &str| String::from_utf8(fixtures.read(&format!("labels/{name}"))).unwrap();
    let list = |name: &str| parse_labels(&text(name)).unwrap().iter().map(|names| first(names)).collect::<Vec<_>>();
    let (names, wnids) = parse_imagenet(&table, 1000).unwrap();
    assert_eq!(names, list("imagenet_classes_1000_pytorch-hub.txt"));
    let (shifted, _) = parse_imagenet(&table, 1001).unwrap();
    for file in ["labels_1001_tflite-support.txt", "imagenet_labels_1001_coral.txt"] {
        assert_eq!(shifted, list(file), "{file}");
    }
    let places = |name: &str| names.iter().enumerate().filter(|row| row.1 == name).map(|row| row.0).collect::<Vec<_>>();
    assert_eq!((places("crane"), places("maillot")), (vec![134, 517], vec![638, 639]));

    // Ids from a list of another origin: 'n01440764 tench, Tinca tinca'.
    let synsets = text("synset_1000_shicai.txt");
    let ids: Vec<&str> = synsets.lines().map(|line| &line.trim_start_matches('\'')[..9]).collect();
    assert_eq!(wnids, ids);
    let unique: std::collections::BTreeSet<_> = wnids.iter().collect();
    assert_eq!(unique.len(), 1000);
}

//! Each change by what it does to a small picture, and the whole by its seed.

use super::*;

const SIDE: usize = 8;

/// A picture whose red says the column and whose green says the row.
fn picture(width: usize, height: usize) -> Vec<u8> {
    (0..width * height).flat_map(|i| [(i % width * 20) as u8, (i / width * 20) as u8, 100, 255]).collect()
}

fn changed(changes: &Augmentation, seed: u64, draw: [u64; 2]) -> Vec<u8> {
    let rgba = picture(SIDE, SIDE);
    let picture = Picture { rgba: &rgba, width_px: SIDE, height_px: SIDE };
    augment(&picture, [SIDE, SIDE], changes, seed, draw).expect("a picture")
}

const NONE: Augmentation = Augmentation {
    flip_horizontal: false,
    flip_vertical: false,
    rotation: 0.0,
    translation: 0.0,
    zoom: 0.0,
    brightness: 0.0,
    contrast: 0.0,
};
const ALL: Augmentation = Augmentation {
    flip_horizontal: true,
    flip_vertical: true,
    rotation: 0.2,
    translation: 0.2,
    zoom: 0.3,
    brightness: 0.2,
    contrast: 0.3,
};

#[test]
fn nothing_asked_for_changes_nothing() {
    for seed in 0..20 {
        assert_eq!(changed(&NONE, seed, [seed, 3]), picture(SIDE, SIDE));
    }
}

#[test]
fn draws_are_the_seeds_samples_and_epochs() {
    let first = changed(&ALL, 1, [2, 3]);
    assert_eq!(first, changed(&ALL, 1, [2, 3]));
    for (seed, draw) in [(2, [2, 3]), (1, [3, 3]), (1, [2, 4])] {
        assert_ne!(first, changed(&ALL, seed, draw));
    }
}

#[test]
fn half_of_the_pictures_are_mirrored() {
    let plain = picture(SIDE, SIDE);
    let mirrored: Vec<u8> = plain.chunks(SIDE * 4).flat_map(|row| row.chunks(4).rev().flatten().copied()).collect();
    let upside_down: Vec<u8> = plain.chunks(SIDE * 4).rev().flatten().copied().collect();
    for (changes, other) in [
        (Augmentation { flip_horizontal: true, ..NONE }, mirrored),
        (Augmentation { flip_vertical: true, ..NONE }, upside_down),
    ] {
        let pictures: Vec<_> = (0..200).map(|sample| changed(&changes, 1, [sample, 0])).collect();
        let count = pictures.iter().filter(|one| **one == other).count();
        assert!((70..130).contains(&count), "{count} of 200");
        assert!(pictures.iter().all(|one| *one == other || *one == plain));
    }
}

/// How far red and green are from where they would be, in pixels, at the centre.
fn shift(rgba: &[u8]) -> [f32; 2] {
    let at = (SIDE / 2 * SIDE + SIDE / 2) * 4;
    [0, 1].map(|channel| f32::from(rgba[at + channel]) / 20.0 - (SIDE / 2) as f32)
}

#[test]
fn pictures_move_as_far_as_asked_either_way() {
    let changes = Augmentation { translation: 0.25, ..NONE };
    let shifts: Vec<[f32; 2]> = (0..200).map(|sample| shift(&changed(&changes, 1, [sample, 0]))).collect();
    for axis in [0, 1] {
        let (least, most) = shifts.iter().fold((0.0_f32, 0.0_f32), |(a, b), s| (a.min(s[axis]), b.max(s[axis])));
        assert!((-2.1..-1.7).contains(&least) && (1.7..2.1).contains(&most), "{least} … {most}");
    }
}

#[test]
fn a_turn_keeps_the_centre_and_lengths() {
    let rgba = picture(12, 12);
    let source = Picture { rgba: &rgba, width_px: 12, height_px: 12 };
    let changes = Augmentation { rotation: 0.5, ..NONE };
    for sample in 0..20 {
        let turned = augment(&source, [12, 12], &changes, 1, [sample, 0]).expect("a picture");
        let at = |x: usize, y: usize| [0, 1].map(|channel| f32::from(turned[(y * 12 + x) * 4 + channel]) / 20.0);
        // Two pixels from the centre, either way: what lies there is four pixels of the source apart.
        let (left, right) = (at(4, 6), at(8, 6));
        let length = ((right[0] - left[0]).powi(2) + (right[1] - left[1]).powi(2)).sqrt();
        assert!((length - 4.0).abs() < 0.2, "{length}");
    }
}

#[test]
fn zoom_is_either_way() {
    let changes = Augmentation { zoom: 0.5, ..NONE };
    let widths: Vec<f32> = (0..100)
        .map(|sample| {
            let rgba = changed(&changes, 1, [sample, 0]);
            let red = |x: usize| f32::from(rgba[(4 * SIDE + x) * 4]);
            (red(5) - red(3)) / 40.0
        })
        .collect();
    let (least, most) = widths.iter().fold((9.0_f32, 0.0_f32), |(a, b), width| (a.min(*width), b.max(*width)));
    assert!((0.6..0.75).contains(&least) && (1.6..2.05).contains(&most), "{least} … {most}");
}

#[test]
fn brightness_adds_and_contrast_multiplies() {
    for sample in 0..20 {
        let brighter = changed(&Augmentation { brightness: 0.2, ..NONE }, 1, [sample, 0]);
        let added = i32::from(brighter[2]) - 100;
        assert!(added.abs() <= 51);
        assert!(brighter.chunks(4).all(|pixel| i32::from(pixel[2]) == 100 + added && pixel[3] == 255));
        // Blue is the same everywhere, so that it is its own mean.
        let sharper = changed(&Augmentation { contrast: 0.5, ..NONE }, 1, [sample, 0]);
        assert!(sharper.chunks(4).all(|pixel| pixel[2] == 100 && pixel[3] == 255));
    }
}

#[test]
fn what_is_made_smaller_leaves_no_pixel_out() {
    // A checkerboard of single pixels becomes grey, where two neighbours alone might find one colour.
    let rgba: Vec<u8> = (0..64 * 64).flat_map(|i| [if (i + i / 64) % 2 == 0 { 0 } else { 254 }; 4]).collect();
    let source = Picture { rgba: &rgba, width_px: 64, height_px: 64 };
    let small = augment(&source, [16, 16], &NONE, 1, [0, 0]).expect("a picture");
    assert!(small.iter().all(|value| *value == 127), "{small:?}");
}

#[test]
fn bad_input_is_refused() {
    let rgba = picture(2, 2);
    let good = Picture { rgba: &rgba, width_px: 2, height_px: 2 };
    let kind = |picture: &Picture<'_>, size, changes: &Augmentation| {
        augment(picture, size, changes, 1, [0, 0]).expect_err("a refusal").kind()
    };
    assert_eq!(kind(&Picture { width_px: 3, ..good }, [2, 2], &NONE), Kind::SourceWrongLength);
    assert_eq!(kind(&Picture { width_px: 0, rgba: &[], ..good }, [2, 2], &NONE), Kind::SourceEmpty);
    assert_eq!(kind(&good, [0, 2], &NONE), Kind::BadOption);
    assert_eq!(kind(&good, [2, 5000], &NONE), Kind::BadOption);
    for changes in [
        Augmentation { rotation: 0.6, ..NONE },
        Augmentation { zoom: 1.0, ..NONE },
        Augmentation { translation: -0.1, ..NONE },
        Augmentation { contrast: f32::NAN, ..NONE },
    ] {
        assert_eq!(kind(&good, [2, 2], &changes), Kind::BadOption, "{changes:?}");
    }
}

//! Margins within a radius, against the outputs of changed rows, and against damage.

use super::super::chain::tests::random as random_chain;
use super::*;
use crate::random::normal;
use faer::Mat;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_pcg::Pcg64;

const NORMS: [Norm; 3] = [Norm::Two, Norm::Infinity, Norm::One];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// What is issued verifies, and no change within the radius has a smaller margin.
    #[test]
    fn no_change_within_the_radius_has_a_smaller_margin(
        seed in any::<u64>(),
        hidden in prop::collection::vec(1usize..6, 0..4),
        linear in any::<bool>(),
        scaled in any::<bool>(),
        radius in prop::sample::select(vec![0.0, 1e-3, 0.1]),
    ) {
        let mut generator = Pcg64::seed_from_u64(seed);
        let widths: Vec<usize> = [3].into_iter().chain(hidden).chain([4]).collect();
        let network = random_chain(&widths, 1.0, linear, &mut generator);
        let scales = scaled.then(|| vec![0.5, 2.0, 10.0]);
        let rows = Mat::from_fn(5, 3, |_, _| normal(&mut generator));
        let labels = [0, 1, 2, 3, 0];
        for norm in NORMS {
            let file = class_margins(&network, (rows.as_ref(), &labels), (norm, radius), scales.as_deref()).unwrap();
            let proved = verify_class_margins(&file.to_bytes(), &network);
            prop_assert!(proved.is_ok(), "{:?}", proved);
            let proved = proved.unwrap();
            prop_assert!(proved.proved_right() <= proved.right());
            for (k, row) in file.rows.iter().enumerate() {
                for _ in 0..10 {
                    let step: Vec<f64> = (0..3).map(|_| normal(&mut generator)).collect();
                    let long = radius / norm.of(&step);
                    let scale = |j: usize| scales.as_ref().map_or(1.0, |scales| scales[j]);
                    let moved: Vec<f64> = (0..3).map(|j| rows[(k, j)] + long * step[j] / scale(j)).collect();
                    let values = network.values(&moved);
                    let others = (0..4).filter(|&j| j != row.label).map(|j| values[row.label] - values[j]);
                    let margin = others.fold(f64::INFINITY, f64::min);
                    prop_assert!(margin >= row.margin - 1e-9 * (1.0 + margin.abs()), "{margin} {}", row.margin);
                }
            }
            // One unit in the last place more is not proved.
            for k in 0..5 {
                let mut more = file.clone();
                more.rows[k].margin = more.rows[k].margin.next_up();
                let refused = verify_class_margins(&more.to_bytes(), &network);
                prop_assert!(matches!(refused, Err(Refusal::NotProved(_))), "{:?}", refused);
            }
        }
    }
}

#[test]
fn what_was_tampered_with_is_refused() {
    let mut generator = Pcg64::seed_from_u64(1);
    let network = random_chain(&[3, 5, 5, 3], 1.0, false, &mut generator);
    let rows = Mat::from_fn(2, 3, |_, _| normal(&mut generator));
    let file = class_margins(&network, (rows.as_ref(), &[0, 1]), (Norm::Two, 0.1), None).unwrap();
    let refused = |file: &ClassMargins| verify_class_margins(&file.to_bytes(), &network).unwrap_err();
    let tampered = |change: &dyn Fn(&mut ClassMargins)| {
        let mut file = file.clone();
        change(&mut file);
        refused(&file)
    };
    use Refusal::{Malformed, NotProved, Unsupported, WrongNetwork};
    assert!(matches!(tampered(&|file| file.format = "other".into()), Unsupported(_)));
    assert!(matches!(tampered(&|file| file.version = 2), Unsupported(_)));
    assert!(matches!(tampered(&|file| file.network = "0".repeat(64)), WrongNetwork(_)));
    assert!(matches!(tampered(&|file| file.norm = tautnet_verify::Norm::Infinity), NotProved(_)));
    assert!(matches!(tampered(&|file| file.radius = 0.2), NotProved(_)));
    assert!(matches!(tampered(&|file| file.radius = -0.1), Malformed(_)));
    assert!(matches!(tampered(&|file| file.x_scale = Some(vec![0.5; 3])), NotProved(_)));
    for scales in [vec![1.0; 2], vec![0.0; 3]] {
        assert!(matches!(tampered(&|file| file.x_scale = Some(scales.clone())), Malformed(_)));
    }
    for l in 0..3 {
        // The last layer enters by its rows, and is still held to what is said of it.
        assert!(matches!(tampered(&|file| file.layers[l] *= 0.999), NotProved(_)));
    }
    assert!(matches!(tampered(&|file| file.layers.truncate(2)), Malformed(_)));
    assert!(matches!(tampered(&|file| file.layers[0] = -1.0), Malformed(_)));
    assert!(matches!(tampered(&|file| file.rows[1].margin += 1e-6), NotProved(_)));
    assert!(matches!(tampered(&|file| file.rows[1].label = 3), Malformed(_)));
    assert!(matches!(tampered(&|file| file.rows[1].x.truncate(2)), Malformed(_)));
    let text = String::from_utf8(file.to_bytes()).unwrap();
    for damaged in
        ["", "[]", "{}", &text[..text.len() / 2], &text.replacen('{', "{\"more\":1,", 1), &text.replace("0.1", "1e999")]
    {
        assert!(
            matches!(verify_class_margins(damaged.as_bytes(), &network), Err(Refusal::Unreadable(_))),
            "{damaged:.60}"
        );
    }
    let other = random_chain(&[3, 5, 5, 3], 1.0, false, &mut generator);
    assert!(matches!(verify_class_margins(&file.to_bytes(), &other), Err(WrongNetwork(_))));
}

#[test]
fn what_does_not_fit_is_told() {
    let mut generator = Pcg64::seed_from_u64(2);
    let network = random_chain(&[3, 4, 2], 1.0, false, &mut generator);
    let ask = |rows: &Mat<f64>, labels: &[usize], radius: f64| {
        class_margins(&network, (rows.as_ref(), labels), (Norm::Two, radius), None).unwrap_err().what
    };
    let rows = Mat::<f64>::zeros(1, 3);
    assert!(ask(&Mat::zeros(1, 2), &[0], 0.1).contains("2 columns"));
    assert!(ask(&rows, &[], 0.1).contains("0 labels"));
    assert!(ask(&rows, &[2], 0.1).contains("label is 2"));
    assert!(ask(&rows, &[0], -1.0).contains("radius is -1"));
    assert!(ask(&rows, &[0], f64::NAN).contains("radius is NaN"));
    assert!(ask(&Mat::full(1, 3, f64::NAN), &[0], 0.1).contains("row 1"));
    let one = random_chain(&[3, 4, 1], 1.0, false, &mut generator);
    let error = class_margins(&one, (rows.as_ref(), &[0]), (Norm::Two, 0.1), None).unwrap_err();
    assert!(error.what.contains("one output"), "{error:?}");
    let empty = class_margins(&network, (Mat::zeros(0, 3).as_ref(), &[]), (Norm::Two, 0.1), None).unwrap();
    let proved = verify_class_margins(&empty.to_bytes(), &network).unwrap();
    assert_eq!((proved.right(), proved.proved_right()), (0, 0));
}

//! Charts in which every word can be read, whatever the numbers and names, and a page that fetches nothing.

use super::behaviour;
use super::causes::causes;
use super::chart::{self, Canvas, Curve, Ladder, Units};
use super::panels::{Words, panels};
use super::scene::{Anchor, Ink, Scene, Shape};
use super::{
    Cause, Chart, Comparison, Dependence, Origin, Place, Report, Reproduce, Rows, Side, Within, attack, dependence,
    font, svg,
};
use proptest::prelude::*;
use std::ops::ControlFlow;
use tautnet::attack::{RadiusReport, SIZES};
use tautnet::choose::{Accuracy, AtSize, Candidate, Choice, Errors, Judgement};
use tautnet::polish::{self, Polished, Progress};
use tautnet::{Dataset, Loss, Norm, Scaler, Shallow, select, train};
use tautnet_study::experiment::{Band, Spread};

const CANVASES: [Canvas; 3] = [Canvas::WIDE, Canvas::NARROW, Canvas::FILE];

/// Every text is inside the drawing and none is on top of another; every point is a number.
fn check(scene: &Scene) {
    let mut boxes: Vec<(f64, f64, f64, f64, &str)> = Vec::new();
    for shape in &scene.shapes {
        let points: Vec<(f64, f64)> = match shape {
            Shape::Line { points, .. } | Shape::Area { points, .. } => points.clone(),
            Shape::Dot { center, .. } => vec![*center],
            Shape::Text { at, text, size, anchor, .. } => {
                let width = font::width(text, *size);
                let left = match anchor {
                    Anchor::Start => at.0,
                    Anchor::Middle => at.0 - 0.5 * width,
                    Anchor::End => at.0 - width,
                };
                boxes.push((left, left + width, at.1 - 0.74 * size, at.1 + 0.2 * size, text));
                vec![*at]
            }
        };
        for (x, y) in points {
            let inside = (-1.0..=scene.width + 1.0).contains(&x) && (-1.0..=scene.height + 1.0).contains(&y);
            assert!(inside, "({x}, {y}) in {:?} of {} × {}", shape, scene.width, scene.height);
        }
    }
    for (k, a) in boxes.iter().enumerate() {
        assert!(
            a.0 >= -0.5 && a.1 <= scene.width + 0.5 && a.2 >= 0.0 && a.3 <= scene.height,
            "{a:?} in {}",
            scene.title
        );
        for b in &boxes[..k] {
            let apart = a.1 <= b.0 || b.1 <= a.0 || a.3 <= b.2 || b.3 <= a.2;
            assert!(apart, "{a:?} on {b:?} in {} of width {}", scene.title, scene.width);
        }
    }
    assert!(!scene.title.is_empty() && !scene.description.is_empty());
}

fn scaler(target_scale: f64) -> Scaler {
    Scaler { target_mean: 3.0 * target_scale, target_scale, ..Scaler::identity(2) }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("y".to_owned()),
        Just("the very long name of a column that somebody's spreadsheet had (m³/h) & more".to_owned())
    ]
}

proptest! {
    #[test]
    fn attack_charts_are_readable(
        name in name(), power in -12.0..12.0f64, errors in proptest::collection::vec(0.0..3.0f64, 1..8), slope in 0.0..9.0f64
    ) {
        let scaler = scaler(10f64.powf(power));
        let units = Units { target: &name, scaler: &scaler, norm: Norm::Two, loss: &Loss::default() };
        let reports: Vec<RadiusReport> = errors.iter().enumerate().map(|(k, error)| {
            let radius = 0.1 * k as f64;
            RadiusReport { radius, found: error * error, ceiling: (error + slope * radius).powi(2), worst_case: None }
        }).collect();
        let unknown: Vec<RadiusReport> =
            reports.iter().map(|report| RadiusReport { ceiling: f64::INFINITY, ..*report }).collect();
        let (before, after) = (Curve { name: "before polish", ink: Ink::Before, reports: &unknown },
            Curve { name: "after polish", ink: Ink::After, reports: &reports });
        for canvas in CANVASES {
            check(&chart::attack(&[before, after], &units, &canvas));
            check(&chart::attack(&[after], &units, &canvas));
        }
    }

    #[test]
    fn ladders_are_readable(found in 0.0..1.0f64, steps in [1.0..30.0f64, 1.0..9.0, 1.0..9.0], power in -9.0..9.0f64) {
        let scaler = scaler(1.0);
        let units = Units { target: "y", scaler: &scaler, norm: Norm::Infinity, loss: &Loss::default() };
        let found = found * 10f64.powf(power);
        let after = Ladder { found, proved: found * steps[0], exact: None, sum: found * steps[0] * steps[1], product: found * steps[0] * steps[2] };
        let before = Ladder { found: 3.0 * after.found, proved: 3.0 * after.proved, exact: None, sum: 2.0 * after.sum, product: f64::INFINITY };
        let nothing = Ladder { found: 0.0, proved: 0.0, exact: None, sum: 0.0, product: 0.0 };
        for canvas in CANVASES {
            check(&chart::bounds(&[("before polish", Ink::Before, &before), ("after polish", Ink::After, &after)], &units, &canvas));
            check(&chart::bounds(&[("this network", Ink::After, &nothing)], &units, &canvas));
            for (lower, upper, ended) in [(found, found, true), (found, after.proved, false), (0.0, 0.0, true)] {
                let exact = Ladder { exact: Some((lower, upper, ended)), ..after };
                let ends = exact.ends();
                assert!(after.found <= ends.0 && ends.1 <= after.proved);
                let scene = chart::bounds(&[("this network", Ink::After, &exact)], &units, &canvas);
                check(&scene);
                let texts = svg::document(&scene);
                let name = if ended { "exact constant" } else { "branch and bound" };
                assert!(texts.contains(name), "{texts}");
            }
        }
    }

    #[test]
    fn traces_and_fits_are_readable(
        name in name(), power in -9.0..12.0f64, length in 0usize..150, gapless: bool, values in proptest::collection::vec(-5.0..5.0f64, 1..9)
    ) {
        let trace: Vec<Progress> = (0..length).map(|iteration| {
            let rest = 0.7f64.powi(iteration as i32);
            let gap = if gapless { f64::INFINITY } else { rest };
            Progress { round: 0, iteration, objective: 10f64.powf(power) * (0.1 + rest), gap }
        }).collect();
        let size = 10f64.powf(power);
        let truth: Vec<f64> = values.iter().map(|value| size * value).collect();
        let predicted: Vec<f64> = values.iter().rev().map(|value| 1.5 * size * value).collect();
        let scaler = scaler(size);
        let units = Units { target: &name, scaler: &scaler, norm: Norm::Two, loss: &Loss::default() };
        for canvas in CANVASES {
            check(&chart::convergence(&trace, 10f64.powf(power), 1e-8, &canvas));
            check(&chart::fit(&truth, &[("before polish", Ink::Before, &truth), ("after polish", Ink::After, &predicted)], &[], &units, &canvas));
            let intervals: Vec<(f64, f64)> = predicted.iter().map(|value| (value - size, value + 3.0 * size)).collect();
            check(&chart::fit(&truth, &[("the result", Ink::After, &predicted)], &intervals, &units, &canvas));
        }
    }

    #[test]
    fn paths_are_readable(prices in proptest::collection::vec(-6.0..2.0f64, 1..9), errors in 1e-4..10.0f64, chosen: usize) {
        let judgement = |price: Option<f64>, k: usize| select::Judgement {
            price, clean: errors, attacked: errors * (1.0 + k as f64), quotient: 0.9, share: 0.95, lipschitz: errors * k as f64,
        };
        let mut prices: Vec<f64> = prices.into_iter().map(|power| 10f64.powf(power)).collect();
        prices.sort_by(|a, b| b.total_cmp(a));
        let path = select::Path {
            start: judgement(None, 2),
            chosen: Some(chosen % prices.len()),
            steps: prices.iter().enumerate().map(|(k, price)| judgement(Some(*price), k)).collect(),
            rows: (30, 10),
            folds: 1,
            trained: train::Trained { network: two_units(), trace: vec![], ending: train::Ending::Solved, loss: 0.0 },
            polished: None,
        };
        let scaler = scaler(1.0);
        let units = Units { target: "y", scaler: &scaler, norm: Norm::Two, loss: &Loss::default() };
        for canvas in CANVASES {
            check(&chart::path(&path, &units, &canvas));
        }
    }
}

/// A smooth function of uniform points in [−1.5, 1.5]^d with a little noise.
fn toy(n: usize, d: usize, seed: u64) -> Dataset {
    let (x, y) = tautnet_furniture::toy(n, d, seed);
    Dataset::new(x, y, None).unwrap()
}

fn two_units() -> Shallow {
    Shallow::new(faer::mat![[1.0, 0.5], [-0.5, 1.0]], vec![0.1, 0.2], vec![1.0, -0.7], 0.1).unwrap()
}

/// A small run, and its report.
struct Run {
    data: Dataset,
    before: Shallow,
    polished: Polished,
    path: select::Path,
    scaler: Scaler,
}

impl Run {
    fn new() -> Self {
        let data = toy(40, 2, 1);
        let go_on = &mut |_: &select::Progress<'_>| ControlFlow::Continue(());
        let start = train::Settings { start: "random".parse().unwrap(), units: 5, ..train::Settings::default() };
        let grid = select::Settings { prices: vec![0.1, 0.01], judged: 1, ..select::Settings::default() };
        let path = select::path(&data, &start, &polish::Settings::default(), &grid, go_on).unwrap();
        let before = path.trained.network.clone();
        let polished = path.polished.clone().unwrap();
        Self { data, before, polished, path, scaler: scaler(7.0) }
    }

    fn report<'a>(&'a self, source: &'a str, target: &'a str) -> Report<'a> {
        let rows = Rows { learned: &self.data, held_out: None, shown: &self.data, name: "the 40 rows learned from" };
        let side = |network: &Shallow| {
            let found = attack(network, &self.data, (Norm::Two, &Loss::default()), 1e3, &[0.0, 0.25, 0.5], 0).unwrap();
            Side::of(network, Some(1e3), found, &rows, (Norm::Two, &Loss::default()), &self.scaler, 0).unwrap()
        };
        Report {
            source,
            inputs: vec!["a".into(), "b<c>".into()],
            target,
            scaler: &self.scaler,
            rows,
            units: 5,
            origin: Origin::Trained("random"),
            settings: polish::Settings::default(),
            polished: Some(&self.polished),
            stopped: None,
            path: Some(&self.path),
            choice: None,
            within: None,
            before: side(&self.before),
            after: side(&self.polished.network),
            comparison: None,
            dependence: dependence(
                &self.polished.network,
                &self.data,
                &[0, 1],
                &["a".into(), "b<c>".into()],
                &self.scaler,
                false,
            ),
            sensitivities: vec![1.0, 2.0],
            reproduce: Reproduce {
                command: "tautnet train 'a & b'".into(),
                version: "0".into(),
                settings: vec![("seed".into(), "0".into())],
            },
        }
    }
}

#[test]
fn the_page_has_everything_and_fetches_nothing() {
    let run = Run::new();
    let report = run.report("data.csv", "y");
    let page = report.page();
    assert_eq!(page, run.report("data.csv", "y").page(), "the same facts, the same bytes");
    assert!(Chart::ALL.iter().all(|chart| chart.name().parse::<Chart>().unwrap() == *chart));
    assert_eq!(report.first(), Chart::Attack);
    let of_tolerance = [Chart::Tolerance, Chart::Causes];
    assert!(of_tolerance.iter().all(|chart| report.chart(*chart, &Canvas::WIDE).is_none()));
    for chart in Chart::ALL.into_iter().filter(|chart| !of_tolerance.contains(chart)) {
        assert!(page.contains(&format!("<figure id=\"{}\">", chart.name())), "{chart:?}");
        for canvas in CANVASES {
            let scene = report.chart(chart, &canvas).unwrap();
            check(&scene);
            assert!(svg::document(&scene).starts_with("<?xml"));
        }
    }
    assert_eq!(page.matches("<svg ").count(), 14);
    assert_eq!(page.matches("role=\"img\"").count(), page.matches("</title>\n<desc").count());
    for word in ["<script", "src=", "url(", "@import", "http://", "https://"] {
        let places =
            page.matches(word).count() - usize::from(word == "http://") * page.matches("http://www.w3.org").count();
        assert_eq!(places, 0, "{word}");
    }
    for part in
        ["40 rows of data.csv", "tautnet train &#39;a &amp; b&#39;", "b&lt;c&gt;", "No rows were held out", "“y”"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!("pie".parse::<Chart>().unwrap_err().hint.contains("convergence"));
}

/// Hundreds of inputs are a table of the first and one that opens; what each causes is told to a tenth of a percent.
#[test]
fn many_inputs_fit_on_a_page() {
    let run = Run::new();
    let names: Vec<String> = (0..100).map(|k| format!("input{k}.")).collect();
    let sensitivities = (0..100).map(f64::from).collect();
    let page = Report { inputs: names.clone(), sensitivities, ..run.report("data.csv", "y") }.page();
    let (_, section) = page.split_once("id=\"columns\"").unwrap();
    let (first, others) = section.split_once("<details><summary>The 70 others</summary>").unwrap();
    assert!(first.contains("input99.") && first.contains("input70.") && !first.contains("input69."));
    assert!(others.contains("input69.") && others.contains("input0."));
    assert!(!run.report("data.csv", "y").page().contains(" others</summary>"));
    let many: Vec<Cause> = names.iter().map(|name| cause(name, 0.004)).collect();
    let scene = causes(&many, &Canvas::WIDE);
    check(&scene);
    assert!(scene.shapes.iter().any(|shape| matches!(shape, Shape::Text { text, .. } if text == "0.4\u{a0}%")));
}

/// Errors that grow with the tolerance; what is proved is `slack` times what is found.
fn sizes(scale: f64, slack: f64) -> Vec<AtSize> {
    let errors = |size: f64, slope: f64| {
        let found = scale * (1.0 + slope * size);
        Errors { clean: scale, found, proved: slack * found, accuracy: None }
    };
    SIZES.iter().map(|&size| AtSize { size, start: errors(size, 2.0), result: errors(size, 1.0) }).collect()
}

fn cause(name: &str, share: f64) -> Cause {
    Cause { name: name.to_owned(), amount: (share < 0.9).then(|| "0.5".to_owned()), share }
}

proptest! {
    #[test]
    fn charts_of_a_tolerance_are_readable(
        name in name(), power in -12.0..12.0f64, slack in prop_oneof![Just(1.0), 1.0..9.0f64, Just(f64::INFINITY)],
        shares in proptest::collection::vec(prop_oneof![Just(0.0), 0.0..1.0f64], 1..40)
    ) {
        let scaler = scaler(10f64.powf(power));
        let units = Units { target: &name, scaler: &scaler, norm: Norm::Two, loss: &Loss::default() };
        let inputs: Vec<Cause> = shares.iter().enumerate().map(|(k, share)| cause(&format!("{name} {k}"), *share)).collect();
        for canvas in CANVASES {
            let scene = chart::tolerance(&sizes(1.0, slack), ["ordinary training", "the result"], &units, &canvas);
            check(&scene);
            prop_assert!(scene.description.contains("at the tolerance times 1: found"));
            check(&causes(&inputs, &canvas));
        }
    }
}

proptest! {
    #[test]
    fn charts_of_behaviour_are_readable(
        name in name(), powers in [-9.0..9.0f64, -9.0..9.0f64], values in proptest::collection::vec(-5.0..5.0f64, 2..9), count in 1usize..8
    ) {
        let [input, output] = powers.map(|power| 10f64.powf(power));
        let scaler = scaler(output);
        let units = Units { target: &name, scaler: &scaler, norm: Norm::Two, loss: &Loss::default() };
        let place = |(k, value): (usize, &f64)| Place {
            at: input * (k as f64 - 3.0), mean: output * value, lower: output * (value - 1.0), upper: output * (value + 2.0),
        };
        let places: Vec<Place> = values.iter().enumerate().map(place).collect();
        let tenths = vec![places[0].at; 9];
        let inputs: Vec<Dependence> =
            (0..count).map(|k| Dependence { name: format!("{name} {k}"), places: places.clone(), tenths: tenths.clone() }).collect();
        let truth: Vec<f64> = values.iter().map(|value| output * value).collect();
        let predicted: Vec<f64> = values.iter().rev().map(|value| 1.5 * output * value).collect();
        let intervals: Vec<(f64, f64)> = predicted.iter().map(|value| (value - output, value + 3.0 * output)).collect();
        for canvas in CANVASES {
            check(&behaviour::panels(&inputs, &name, &canvas));
            check(&behaviour::residuals(&truth, ("the result", &predicted), &[], &units, &canvas));
            check(&behaviour::residuals(&truth, ("the result", &predicted), &intervals, &units, &canvas));
        }
    }
}

/// What is linear depends on each input by its weight, in the units of the data, and on one that does not vary not at all.
#[test]
fn the_dependence_of_a_linear_network_is_its_weights() {
    use faer::Mat;
    let slopes = vec![3.0, -0.5, 1.0];
    let network = Shallow::with_linear(Mat::zeros(1, 3), vec![0.0], vec![0.0], 0.25, Some(slopes)).unwrap();
    let data = Dataset::new(
        Mat::from_fn(30, 3, |k, j| if j == 2 { 1.0 } else { ((k * (j + 3)) % 11) as f64 }),
        vec![0.0; 30],
        None,
    );
    let data = data.unwrap();
    let scaler = Scaler { input_scale: vec![2.0, 5.0, 1.0], input_mean: vec![1.0, 0.0, 0.0], ..Scaler::identity(3) };
    let scaler = Scaler { target_scale: 10.0, target_mean: 100.0, ..scaler };
    let names = ["a", "b", "c"].map(str::to_owned);
    let found = dependence(&network, &data, &[0, 1, 2], &names, &scaler, false);
    assert_eq!(found.iter().map(|of| of.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    for (of, slope) in found.iter().zip([3.0 / 2.0, -0.5 / 5.0]) {
        for pair in of.places.windows(2) {
            let step = pair[1].at - pair[0].at;
            for (new, old) in
                [(pair[1].mean, pair[0].mean), (pair[1].lower, pair[0].lower), (pair[1].upper, pair[0].upper)]
            {
                assert!((new - old - 10.0 * slope * step).abs() < 1e-9, "{pair:?}");
            }
        }
        assert!(of.places.iter().all(|place| place.lower <= place.mean && place.mean <= place.upper));
        assert_eq!(of.tenths.len(), 9);
    }
    assert_eq!((found[0].places[0].at, found[0].places[24].at), (1.0, 21.0));
}

#[test]
fn inputs_stand_in_the_order_of_what_they_cause() {
    let scene = causes(&[cause("a", 0.1), cause("b", 0.72), cause("c", 0.0)], &Canvas::WIDE);
    let words = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let words: Vec<&str> = words.filter(|text| ["a", "b", "c", "72\u{a0}%", "0\u{a0}%"].contains(text)).collect();
    assert_eq!(words[words.len() - 5..], ["b", "72\u{a0}%", "a", "c", "0\u{a0}%"]);
    // A bar for each that causes something.
    let bars = scene.shapes.iter().filter(|shape| matches!(shape, Shape::Line { ink: Ink::After, .. }));
    assert_eq!(bars.count(), 2);
}

/// A network that was chosen for a tolerance has a page of its own parts: no path and no convergence.
#[test]
fn a_page_of_a_choice_begins_with_the_tolerance() {
    let run = Run::new();
    let usual = run.report("data.csv", "y");
    let candidate = Candidate::ordinary(5, 0.01);
    let judgement = |clean: f64| Judgement { candidate, clean, found: 2.0 * clean, score: clean };
    let choice = Choice {
        rows: 39,
        folds: 3,
        candidates: 60,
        start: judgement(1.0),
        judged: (1..20).map(|k| judgement(f64::from(k))).collect(),
        members: vec![candidate; 2],
        result: (0.5, 0.75),
        all_rows: true,
        parts: Vec::new(),
    };
    let within = Within {
        rows: "39 rows of another table".into(),
        sizes: sizes(0.04, 1.5),
        inputs: vec![cause("a", 0.25), cause("b<c>", 0.5)],
        intervals: usual.after.predicted.iter().map(|value| (value - 1.0, value + 1.0)).collect(),
    };
    let attack = Vec::new();
    let report = Report {
        polished: None,
        path: None,
        choice: Some(&choice),
        within: Some(within),
        before: Side { attack: attack.clone(), ..usual.before.clone() },
        after: Side { attack, ..usual.after.clone() },
        ..usual
    };
    assert_eq!(report.first(), Chart::Tolerance);
    let page = report.page();
    let shown: Vec<&str> =
        page.split("<figure id=\"").skip(1).map(|part| part.split('"').next().unwrap_or_default()).collect();
    assert_eq!(shown, ["tolerance", "causes", "bounds", "fit", "residuals", "dependence"]);
    for part in [
        "the mean of 2 networks with 5 hidden units",
        "chosen among 60 candidates by the worst case on 39 rows",
        // The target's unit is 7 of the network's, and 0.08 is found within the tolerance.
        "On 39 rows of another table, “y” is off by at most 2.425 within the tolerance (proved; an attack found 1.979)",
        "the result, the constant",
        "<section id=\"choice\">",
        "b&lt;c&gt;",
        "No input error within the tolerance moves a prediction out",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("polish"), "there was none");
    assert_eq!(page.matches("5 units, trained without attack, decay 0.01").count(), 11);
    for chart in Chart::ALL {
        for canvas in CANVASES {
            report.chart(chart, &canvas).iter().for_each(check);
        }
    }
    // Where every input is exact, the page speaks of errors without attack.
    let within = report.within.clone().unwrap();
    let exact = Within {
        sizes: within.sizes.iter().filter(|at| at.size == 1.0).cloned().collect(),
        inputs: Vec::new(),
        intervals: Vec::new(),
        ..within.clone()
    };
    let lines = [["", "off by at most"], ["the result", "2"], ["a <linear> model", "3"]];
    let lines = lines.map(|line| line.map(str::to_owned).to_vec()).to_vec();
    assert!(!page.contains("Beside what is simpler"));
    let comparison = Some(Comparison { lines, verdict: "better than a linear model".into() });
    let report = Report { within: Some(exact), comparison, ..report };
    assert_eq!(report.first(), Chart::Fit);
    let page = report.page();
    assert!(page.contains("<p>better than a linear model</p>") && page.contains("a &lt;linear&gt; model"), "{page}");
    assert!(!page.contains("within the tolerance") && !page.contains("worst case"), "{page}");
    assert!(page.contains("by ordinary training it is") && page.contains("id=\"choice\""), "{page}");
    // Several classes have no one bound and no number that is predicted.
    let several = |side: &Side| Side { ladder: None, predicted: Vec::new(), ..side.clone() };
    let logistic = polish::Settings { loss: "logistic".parse().unwrap(), ..polish::Settings::default() };
    let right = |clean: f64| Some(Accuracy { clean, found: clean - 0.125, proved: clean - 0.25 });
    let of_classes = |at: &AtSize| AtSize {
        start: Errors { accuracy: right(0.75), ..at.start },
        result: Errors { accuracy: right(0.875), ..at.result },
        ..*at
    };
    let sizes: Vec<AtSize> = within.sizes.iter().map(of_classes).collect();
    let at_rows = sizes.iter().filter(|at| at.size == 1.0).cloned().collect();
    let classes = Report {
        within: Some(Within { sizes, intervals: Vec::new(), ..within.clone() }),
        before: several(&report.before),
        after: several(&report.after),
        sensitivities: Vec::new(),
        dependence: Vec::new(),
        settings: logistic,
        ..report.clone()
    };
    assert_eq!(classes.first(), Chart::Tolerance);
    let page = classes.page();
    let figures = |page: &str| page.matches("<figure id=").count();
    assert!(figures(&page) == 2 && page.contains("id=\"tolerance\"") && page.contains("id=\"causes\""), "{page}");
    assert!(page.contains("The class of “y” is right in 87.5\u{a0}% of 39 rows of another table"), "{page}");
    assert!(!page.contains("Lipschitz") && !page.contains("id=\"columns\"") && !page.contains("theorem"), "{page}");
    let (_, tiles) = page.split_once("<dt>").unwrap();
    assert!(tiles.starts_with("right within the tolerance, at least"), "{tiles}");
    let exact = Within { sizes: at_rows, inputs: Vec::new(), ..classes.within.clone().unwrap() };
    let classes = Report { within: Some(exact), ..classes };
    assert!(figures(&classes.page()) == 0 && classes.chart(classes.first(), &Canvas::FILE).is_none());

    // Where there was no time to judge, there is nothing to show of it.
    let nothing = Within { sizes: Vec::new(), inputs: Vec::new(), intervals: Vec::new(), rows: "no rows".into() };
    let report = Report { choice: Some(&Choice { folds: 0, ..choice.clone() }), within: Some(nothing), ..report };
    let page = report.page();
    assert!(!page.contains("id=\"tolerance\"") && !page.contains("id=\"choice\""));
    assert!(page.contains("There was no time to choose among candidates."));
}

#[test]
fn charts_without_facts_are_left_out() {
    let run = Run::new();
    let report = Report { path: None, polished: None, stopped: Some("time limit reached"), ..run.report("d", "y") };
    let page = report.page();
    assert!(report.chart(Chart::Path, &Canvas::WIDE).is_none() && !page.contains("id=\"path\""));
    assert!(report.chart(Chart::Convergence, &Canvas::WIDE).is_none() && !page.contains("id=\"convergence\""));
    assert!(page.contains("before the polish") && page.contains("The work was ended early: time limit reached."));
}

#[test]
fn names_from_files_are_text_and_nothing_else() {
    let run = Run::new();
    let report = run.report("<img src=x onerror=alert(1)>", "</title><script>alert(2)</script>");
    let page = report.page();
    assert!(!page.contains("<img") && !page.contains("<script"), "{page}");
}

proptest! {
    #[test]
    fn panels_are_readable(
        sets in 1usize..4, bases in 1usize..4, prices in 1usize..3, methods in 1usize..9, radii in 1usize..12, name in name(), power in -9.0..9.0f64, seed in 0u64..99
    ) {
        let names = ["base", "c-l2", "c-lip", "joint", "other", "another", "a sixth", "a seventh", "an eighth"];
        let mut random = rand_pcg::Pcg64::new(seed.into(), 1);
        let mut spread = || {
            let size = 10f64.powf(power) * (1.0 + tautnet::random::normal(&mut random).abs());
            Spread { lower: 0.8 * size, median: size, upper: 1.5 * size }
        };
        let mut bands = Vec::new();
        for set in 0..sets {
            let prices = [0.01, 0.001].iter().take(prices);
            let arms = ["sgd", "pgd", "admm"].iter().take(bases).flat_map(|base| prices.clone().map(move |price| (base, price)));
            for (base, price) in arms {
                for method in names.iter().take(methods) {
                    let spread = &mut spread;
                    // A method that failed in every trial has no numbers.
                    let lost = seed.is_multiple_of(5) && *method == "c-lip";
                    let none = Spread { lower: f64::NAN, median: f64::NAN, upper: f64::NAN };
                    bands.push(Band {
                        data: format!("{set} {name}"),
                        base: (*base).into(),
                        method: (*method).into(),
                        lipschitz_price: *price,
                        decay: 0.0,
                        trials: 3,
                        failed: 0,
                        attacked: (0..radii).map(|_| if lost { none } else { spread() }).collect(),
                        right: Vec::new(),
                        clean: none,
                        objective: none,
                        loss: none,
                        bound: none,
                        seconds: none,
                    });
                }
            }
        }
        let radii: Vec<f64> = (0..radii).map(|k| 0.05 * k as f64).collect();
        let words = Words { title: "Error under attack", radius: "radius (2-norm of standardized inputs)", error: &name };
        for canvas in CANVASES {
            let scene = panels(&bands, &radii, &words, &canvas);
            check(&scene);
            // Every panel has its lines: those of a method at one price are not drawn over those at another.
            let titles = scene.shapes.iter().filter(|shape| matches!(shape, Shape::Text { text, .. } if text.contains("from ")));
            prop_assert_eq!(titles.count(), sets * bases * prices);
        }
    }
}

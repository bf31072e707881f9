//! Margins of rows: by how much the class of a row is the largest output, and stays it while the inputs are changed.
//!
//! **The claim.** The network has an output for each class. Row x with the label y stands for all x + Δ with `‖κ∘Δ‖_p ≤ ε`, κ being the scales of the file
//! (1 where there are none) and ε its radius. The claim is `f_y(x + Δ) − f_j(x + Δ) ≥ margin` for every j ≠ y and every such Δ. Where the margin is
//! above 0 the row is *certified*: no change within the radius makes it another class. Weights, x, κ, ε and the margin are the exact values of their doubles.
//!
//! **The proof.** `f_y − f_j` changes by at most `K_yj ‖κ∘Δ‖_p`, K_yj from norms of the layers, which the file holds and which are proved as those of a
//! certificate are ([`crate::chain`]), κ being the scales of the inputs. So the margin is at least `min_j (f_y − f_j)(x) − K_yj ε`, with f at
//! x evaluated within intervals ([`crate::enclosure`]).

use crate::certificate::Norm;
use crate::chain::Follows;
use crate::enclosure::Enclosure;
use crate::norms::product_up;
use crate::refusal::Refusal;
use crate::verify::Units;
use crate::weights::Chain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `format` of files of class margins.
pub const CLASS_MARGINS: &str = "tautnet-class-margins";

/// The version of the format.
const VERSION: u32 = 1;

/// What is claimed of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarginRow {
    /// The d inputs, in the units of the network.
    pub x: Vec<f64>,
    /// The number of its class, the first being 0.
    pub label: usize,
    /// Within the radius the output of its class is larger than every other by this at least; below 0 it may be smaller.
    pub margin: f64,
}

/// A file of class margins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassMargins {
    /// Always [`CLASS_MARGINS`].
    pub format: String,
    /// The version of the format: 1.
    pub version: u32,
    /// [`fingerprint_of_layers`](crate::fingerprint_of_layers) of the network.
    pub network: String,
    /// The norm in which changes of the inputs are measured.
    pub norm: Norm,
    /// The radius ε.
    pub radius: f64,
    /// The scales κ: positive numbers by which changes of the network's inputs are multiplied before they are measured, 1 where there are none.
    pub x_scale: Option<Vec<f64>>,
    /// For each layer an upper bound on the operator norm of its weights, those of the first one being divided by κ.
    pub layers: Vec<f64>,
    /// The rows.
    pub rows: Vec<MarginRow>,
}

/// What is said of the whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginsAsked {
    /// The norm in which changes of the inputs are measured.
    pub norm: Norm,
    /// The radius ε.
    pub radius: f64,
    /// The scales κ.
    pub x_scale: Option<Vec<f64>>,
    /// The norms of the layers.
    pub layers: Vec<f64>,
}

impl ClassMargins {
    /// The margins of rows with their labels, as [`verify_class_margins`] will prove them if the norms are true. The chain must pass
    /// [`Chain::check`]. Refuses rows that do not fit it, and margins that are not doubles.
    pub fn new<'x>(
        chain: &Chain<'_>,
        asked: MarginsAsked,
        rows: impl IntoIterator<Item = (&'x [f64], usize)>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Self, Refusal> {
        let MarginsAsked { norm, radius, x_scale, layers } = asked;
        let (network, format) = (chain.fingerprint(), CLASS_MARGINS.into());
        let mut file = Self { format, version: VERSION, network, norm, radius, x_scale, layers, rows: Vec::new() };
        let units = file.units(chain)?;
        let mut reach = Reach::new(&file, chain, &units);
        for (k, (x, label)) in rows.into_iter().enumerate() {
            if !go_on() {
                break;
            }
            check_row(chain, x, label).map_err(|refusal| of_row(k, refusal))?;
            let [_, margin] = margins(chain, reach.of(label), x, label);
            if !margin.is_finite() {
                return Err(of_row(k, malformed("its margin is not a finite number")));
            }
            file.rows.push(MarginRow { x: x.to_vec(), label, margin });
        }
        Ok(file)
    }

    /// The file's bytes. Every number is written so that reading it gives the same double back.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("plain data with text keys always serializes");
        bytes.push(b'\n');
        bytes
    }

    /// The units in which changes are measured, once everything that is said of the whole file is found to be in order.
    fn units(&self, chain: &Chain<'_>) -> Result<Units, Refusal> {
        if chain.outputs() < 2 {
            return Err(Refusal::WrongNetwork(
                "it has one output, and margins are between the outputs of classes".into(),
            ));
        }
        if !(self.radius >= 0.0 && self.radius.is_finite()) {
            return Err(malformed("the radius is negative or not finite"));
        }
        if self.layers.len() != chain.layers.len() {
            return Err(malformed(format!("it has {} norms of {} layers", self.layers.len(), chain.layers.len())));
        }
        if !self.layers.iter().all(|number| number.is_finite() && *number >= 0.0) {
            return Err(malformed("a norm is negative or not finite"));
        }
        match &self.x_scale {
            None => Ok(Units::standardized(chain.inputs)),
            Some(scales) => Units::of_scales(scales, chain.inputs),
        }
    }
}

/// How far margins can fall within the radius. Only what some row asks for is kept: there may be many classes.
struct Reach<'a> {
    follows: Follows<'a>,
    radius: f64,
    classes: usize,
    known: BTreeMap<usize, Vec<f64>>,
}

impl<'a> Reach<'a> {
    fn new(file: &ClassMargins, chain: &'a Chain<'a>, units: &'a Units) -> Self {
        // The linear part enters by its rows alone.
        let follows = Follows::new(chain, file.norm, units, &file.layers, None);
        Self { follows, radius: file.radius, classes: chain.outputs(), known: BTreeMap::new() }
    }

    /// `K_yj ε` for one y and all j, rounded up.
    fn of(&mut self, y: usize) -> &[f64] {
        let Self { follows, radius, classes, known } = self;
        known.entry(y).or_insert_with(|| {
            let to = |j: usize| if y == j { 0.0 } else { product_up(follows.pair(y.min(j), y.max(j)), *radius) };
            (0..*classes).map(to).collect()
        })
    }
}

/// The least margin of a row, without a change of its inputs and within the radius, rounded down.
fn margins(chain: &Chain<'_>, reach: &[f64], x: &[f64], label: usize) -> [f64; 2] {
    let enclosure = Enclosure::at(chain, x);
    let mut least = [f64::INFINITY; 2];
    for j in (0..chain.outputs()).filter(|&j| j != label) {
        let margin = enclosure.difference_at_least(label, j);
        let reach = reach[j];
        let within = if reach == 0.0 { margin } else { (margin - reach).next_down() };
        least = [least[0].min(margin), least[1].min(if within.is_nan() { f64::NEG_INFINITY } else { within })];
    }
    least
}

fn check_row(chain: &Chain<'_>, x: &[f64], label: usize) -> Result<(), Refusal> {
    if x.len() != chain.inputs {
        return Err(malformed(format!("it has {} inputs where {} are due", x.len(), chain.inputs)));
    }
    if !x.iter().all(|x| x.is_finite()) {
        return Err(malformed("an input is not a finite number"));
    }
    if label >= chain.outputs() {
        return Err(malformed(format!("its label is {label}, and there are {} classes", chain.outputs())));
    }
    Ok(())
}

fn of_row(k: usize, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Malformed(what) => Refusal::Malformed(format!("row {}: {what}", k + 1)),
        Refusal::NotProved(what) => Refusal::NotProved(format!("row {}: {what}", k + 1)),
        other => other,
    }
}

fn malformed(what: impl Into<String>) -> Refusal {
    Refusal::Malformed(what.into())
}

/// Margins that have been proved. Only [`verify_class_margins`] makes them.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedMargins {
    file: ClassMargins,
    right: usize,
    certified: usize,
}

impl VerifiedMargins {
    /// What is proved.
    pub fn class_margins(&self) -> &ClassMargins {
        &self.file
    }

    /// How many rows are proved to have their class where the inputs are as they are.
    pub fn right(&self) -> usize {
        self.right
    }

    /// How many rows are proved to have their class wherever the inputs are changed within the radius.
    pub fn proved_right(&self) -> usize {
        self.certified
    }
}

/// Prove what is claimed of every row of this network, or refuse. Never panics, whatever the bytes.
pub fn verify_class_margins(bytes: &[u8], chain: &Chain<'_>) -> Result<VerifiedMargins, Refusal> {
    let file: ClassMargins = serde_json::from_slice(bytes).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    // The derived reader also takes an array for a structure.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::Unreadable("it is an array where an object is due".into()));
    }
    if file.format != CLASS_MARGINS || file.version != VERSION {
        return Err(Refusal::Unsupported(format!(
            "it says \"{}\" version {}, not \"{CLASS_MARGINS}\" version {VERSION}",
            file.format, file.version
        )));
    }
    chain.check()?;
    if file.network != chain.fingerprint() {
        return Err(Refusal::WrongNetwork("the weights have another fingerprint".into()));
    }
    let units = file.units(chain)?;
    // The last layer enters by its rows alone, but what is claimed of it is proved as well.
    for (l, &claimed) in file.layers.iter().enumerate() {
        if !chain.matrix(l, &units).norm_is_at_most(file.norm, claimed) {
            return Err(Refusal::NotProved(format!(
                "the norm of layer {} is not shown to be at most {claimed:?}",
                l + 1
            )));
        }
    }
    let mut reach = Reach::new(&file, chain, &units);
    let (mut right, mut certified) = (0, 0);
    for (k, row) in file.rows.iter().enumerate() {
        check_row(chain, &row.x, row.label).map_err(|refusal| of_row(k, refusal))?;
        if !row.margin.is_finite() {
            return Err(of_row(k, malformed("its margin is not a finite number")));
        }
        let [margin, within] = margins(chain, reach.of(row.label), &row.x, row.label);
        let shown = within >= row.margin;
        if !shown {
            let what = format!("its margin is shown to be {within:?} at least, not {:?}", row.margin);
            return Err(of_row(k, Refusal::NotProved(what)));
        }
        right += usize::from(margin > 0.0);
        certified += usize::from(row.margin > 0.0);
    }
    Ok(VerifiedMargins { file, right, certified })
}

//! The model file: a network with everything needed to use it on a table and to say what it is worth.
//!
//! One JSON object with `format` and `version` first. The network is in standardized units; `columns` says how a table
//! becomes its inputs, `scaler` what standardized means. A version that this program does not know is refused.

use crate::fold::network_to_user;
use crate::json::{network_from_value, parse_object};
use crate::layers::{layers_from_value, layers_to_json};
use faer::{Mat, MatRef};
use serde_json::{Map, Value, json};
use tautnet::certify::{self, Effort, IntervalObserver, Intervals, SampleInterval};
use tautnet::coverage::{self, Calibration};
use tautnet::error::{Error, Result};
use tautnet::job::Proved;
use tautnet::limits::Limits;
use tautnet::range::RADIUS;
use tautnet::tolerance::{Asked, Shape, Tolerance};
use tautnet::{Dataset, Loss, Network, Norm, Scaler, Shallow, several};
use tautnet_tables::{Encoder, Table, UnknownLevels};
use tautnet_verify::{Certificate, Refusal, Verified, VerifiedChain};

const FORMAT: &str = "tautnet-model";
/// What is written. Version 1, whose network has the form of plain files of version 1, is read too.
const VERSION: u64 = 2;

/// A network in standardized units, with its columns, its scaler and the proof of its bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The network, from standardized inputs to the standardized target.
    pub network: Network,
    /// Which columns are inputs and target, and the levels of words.
    pub columns: Encoder,
    /// The scaler: how the units of the data become standardized units.
    pub scaler: Scaler,
    /// How the network was made, to make it again.
    pub settings: Value,
    /// The objective and its parts, before and after the polish.
    pub objective: Value,
    /// A bound on the network's Lipschitz constant with its proof. What the file holds is only a claim: [`Model::proved`] gives it after checking.
    pub certificate: Option<Certificate>,
    /// How far predictions of rows that were not learned from are off: what intervals of a coverage are made of.
    pub calibration: Option<Calibration>,
}

impl Model {
    /// A model of the result of a job and its columns. It is refused where its certificate proves nothing.
    pub fn of(proved: Proved, columns: Encoder, scaler: Scaler) -> Result<Self> {
        let Proved { network, certificate, settings, objective, calibration, .. } = proved;
        let (settings, objective) = (json!(settings), json!(objective));
        let network = network.into();
        let model = Self { network, columns, scaler, settings, objective, certificate, calibration };
        model.proved()?;
        Ok(model)
    }

    /// Refuse parts that do not fit each other.
    pub fn check(&self) -> Result<()> {
        let (inputs, columns) = (self.network.inputs(), self.columns.width());
        if inputs != columns {
            return Err(Error::new(
                format!("the model's network has {inputs} inputs and its columns are {columns}"),
                "write the model again",
            ));
        }
        self.columns.check_classes()?;
        self.columns.check_preparation()?;
        if self.columns.several().is_some() && (self.scaler.target_mean, self.scaler.target_scale) != (0.0, 1.0) {
            return Err(Error::new(
                "the model's scaler moves or scales a target of several classes",
                "write the model again: classes have no units, `target_mean` is 0 and `target_scale` is 1",
            ));
        }
        let (outputs, due) = (self.network.outputs(), self.columns.outputs());
        if outputs != due {
            let target = match due {
                1 => "its target is one column".to_owned(),
                targets if self.columns.several().is_none() => format!("it has {targets} targets"),
                classes => format!("its target is one of {classes} classes"),
            };
            return Err(Error::new(
                format!("the model's network has {outputs} outputs and {target}"),
                "keep a network with other outputs as a plain network",
            ));
        }
        let (targets, scaled) = (self.columns.target_names(), self.scaler.targets());
        if let Some((_, name)) = targets.iter().enumerate().find(|(k, name)| targets[..*k].contains(name)) {
            return Err(Error::new(format!("the model has the target `{name}` twice"), "write the model again"));
        }
        if targets.len() != scaled || (scaled > 1 && self.columns.classes.is_some()) {
            return Err(Error::new(
                format!("the model has {} targets, and its scaler is of {scaled}", targets.len()),
                "write the model again: several targets are numbers, each with a mean and a scale",
            ));
        }
        self.scaler.check(inputs)?;
        self.calibration.as_ref().map_or(Ok(()), Calibration::check)?;
        self.tolerance()
            .and_then(|tolerance| tolerance.check(&self.columns.tolerated()))
            .map_err(|error| Error::new(format!("the model's `settings`: {}", error.what), error.hint))
    }

    /// The network as theory covers it: one hidden layer of relu units. `asked` says who asks, in a message.
    pub fn shallow(&self, asked: &str) -> Result<Shallow> {
        self.network.one_output(asked)
    }

    /// The network from the units of the data to those of the target.
    pub fn network_to_user(&self) -> Result<Network> {
        network_to_user(&self.scaler, &self.network)
    }

    /// What a wrong prediction cost when the model was made; the squared error in files from before there were others.
    pub fn loss(&self) -> Result<Loss> {
        self.settings.get("loss").and_then(Value::as_str).map_or(Ok(Loss::default()), str::parse)
    }

    /// How wrong the inputs can be, as it was said when the model was made; nothing where nothing was said.
    pub fn tolerance(&self) -> Result<Asked> {
        let texts = match self.settings.get("tolerance") {
            // In files from before there were tolerances of the inputs, this is the name of the solver's gap.
            None | Some(Value::Null | Value::Number(_)) => return Ok(Asked::default()),
            Some(texts) => texts,
        };
        let list = texts.as_array().and_then(|texts| texts.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(list) = list else {
            return Err(Error::new(
                format!("`tolerance` is {texts}, not a list of texts"),
                "write the model again, or mend the list: [\"0.1sd\", \"temp=0.5\"]",
            ));
        };
        let shape = self.settings.get("tolerance_shape").and_then(Value::as_str);
        Ok(Asked {
            entries: list.into_iter().map(str::parse).collect::<Result<_>>()?,
            shape: shape.map_or(Ok(Shape::default()), str::parse)?,
        })
    }

    /// What a tolerance comes to on encoded rows, in the units of the data. Standard deviations are those that the model's scaler knows.
    pub fn tolerance_on(&self, asked: &Asked, x: MatRef<'_, f64>) -> Result<Tolerance> {
        asked.on(&self.columns.tolerated(), x, &self.scaler.deviations())
    }

    /// The model's certificate, proved anew; `None` where it has none, an error where it proves nothing.
    pub fn proved(&self) -> Result<Option<Verified>> {
        let Some(certificate) = &self.certificate else { return Ok(None) };
        Ok(Some(verify(&certificate.to_json(), &self.shallow("a certificate")?, Some(&self.scaler))?))
    }

    /// The text of the model file: the same bytes for the same model. A certificate that proves nothing is refused.
    pub fn to_json(&self) -> Result<String> {
        self.check()?;
        self.proved()?;
        let part = |name: &str, value: &Value| format!("  {}: {}", json!(name), indented(&format!("{value:#}")));
        let network = indented(&layers_to_json(&self.network));
        let encode = |value: std::result::Result<Value, serde_json::Error>| {
            value.map_err(|error| {
                Error::new(format!("the model cannot be written: {error}"), "every number in it must be finite")
            })
        };
        let mut parts = vec![
            part("format", &json!(FORMAT)),
            part("version", &json!(VERSION)),
            part("columns", &encode(serde_json::to_value(&self.columns))?),
            part("scaler", &encode(serde_json::to_value(&self.scaler))?),
            format!("  \"network\": {network}"),
        ];
        parts.push(part("settings", &self.settings));
        parts.push(part("objective", &self.objective));
        if let Some(certificate) = &self.certificate {
            parts.push(part("certificate", &encode(serde_json::to_value(certificate))?));
        }
        if let Some(calibration) = &self.calibration {
            // A line of numbers.
            parts.push(format!("  \"calibration\": {}", encode(serde_json::to_value(calibration))?));
        }
        Ok(format!("{{\n{}\n}}\n", parts.join(",\n")))
    }

    /// The model but for its network, and for its scaler if that is not asked for: what a file keeps as text where the
    /// weights have a place of their own. A certificate that proves nothing is refused.
    pub(crate) fn description(&self, with_scaler: bool) -> Result<String> {
        let text = self.to_json()?;
        let mut object = parse_object(text.as_bytes(), "the model", &Limits::default())?;
        object.remove("network");
        if !with_scaler {
            object.remove("scaler");
        }
        Ok(Value::Object(object).to_string())
    }

    /// A model from its object, but for the network and the scaler that are given.
    pub(crate) fn from_parts(
        mut object: Map<String, Value>,
        network: Option<Network>,
        scaler: Option<Scaler>,
        source: &str,
    ) -> Result<Self> {
        let hint = "give a model file, ⟨model_file⟩";
        let format = object.remove("format").unwrap_or_default();
        if format != FORMAT {
            return Err(Error::new(format!("{source} has the format {format}, not \"{FORMAT}\""), hint));
        }
        let version = match object.remove("version") {
            Some(version) => version.as_u64().filter(|version| (1..=VERSION).contains(version)).ok_or_else(|| {
                Error::new(
                    format!(
                        "{source} is a model file of version {version}; this program reads versions 1 and {VERSION}"
                    ),
                    "update tautnet, or write the model again with this one",
                )
            })?,
            None => return Err(Error::new(format!("{source} has no `version`"), hint)),
        };
        let known = ["columns", "scaler", "network", "settings", "objective", "certificate", "calibration"];
        let twice = |key: &str| (key == "network" && network.is_some()) || (key == "scaler" && scaler.is_some());
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str()) || twice(key)) {
            return Err(Error::new(format!("{source}: `{key}` is not a part of a model"), hint));
        }
        let mut part = |name: &str| {
            object.remove(name).ok_or_else(|| Error::new(format!("{source}: the model has no `{name}`"), hint))
        };
        let network = match network {
            Some(network) => network,
            None => match part("network")? {
                Value::Object(network) if version == 1 => network_from_value(&network, source)?.into(),
                Value::Object(network) => layers_from_value(&network, source)?,
                _ => return Err(Error::new(format!("{source}: `network` is not an object"), hint)),
            },
        };
        let model = Self {
            network,
            columns: decode(part("columns")?, "columns", source)?,
            scaler: match scaler {
                Some(scaler) => scaler,
                None => decode(part("scaler")?, "scaler", source)?,
            },
            settings: crate::earlier::settings(part("settings")?),
            objective: part("objective")?,
            certificate: match object.remove("certificate") {
                None | Some(Value::Null) => None,
                Some(certificate) => Some(decode(certificate, "certificate", source)?),
            },
            calibration: match object.remove("calibration") {
                None | Some(Value::Null) => None,
                Some(calibration) => Some(decode(calibration, "calibration", source)?),
            },
        };
        model.check().map_err(|error| Error::new(format!("{source}: {}", error.what), error.hint))?;
        Ok(model)
    }

    /// Predictions for a table, in the units of its target; of several classes their numbers, of several targets the first ([`Self::predict_targets`]).
    pub fn predict(&self, table: &Table, unknown: UnknownLevels) -> Result<Vec<f64>> {
        Ok(self.predict_encoded(self.columns.encode(table, unknown)?))
    }

    /// The same for rows whose columns have been encoded.
    pub fn predict_encoded(&self, mut x: Mat<f64>) -> Vec<f64> {
        if self.columns.several().is_some() {
            return self.outputs_encoded(x).into_iter().map(|outputs| several::class(&outputs) as f64).collect();
        }
        self.scaler.standardize_inputs_in_place(x.as_mut());
        let standardized = self.network.predict_row_by_row(x.as_ref());
        standardized.chunks(self.network.outputs()).map(|row| self.scaler.target_to_user(row[0])).collect()
    }

    /// The predictions of all targets, row by row, each in the units of its target, for rows whose columns have been encoded.
    pub fn predict_targets(&self, x: Mat<f64>) -> Vec<Vec<f64>> {
        let to_user = |(output, value): (usize, f64)| {
            let (mean, scale) = self.scaler.target(output);
            mean + scale * value
        };
        let rows = self.outputs_encoded(x).into_iter();
        rows.map(|row| row.into_iter().enumerate().map(to_user).collect()).collect()
    }

    /// All outputs of the network, one a class, for rows whose columns have been encoded.
    pub fn outputs_encoded(&self, mut x: Mat<f64>) -> Vec<Vec<f64>> {
        self.scaler.standardize_inputs_in_place(x.as_mut());
        let predicted = self.network.predict(x.as_ref());
        (0..x.nrows()).map(|k| predicted.row(k).iter().copied().collect()).collect()
    }

    /// For every row of a table, in the units of its target: the interval that the output cannot leave when the standardized inputs move by at
    /// most `radius` in the norm of the model's certificate. The output is the real number that the stored weights, scaler and row define, so
    /// the rounding of standardizing, evaluating and scaling back is inside, at radius 0 too; and so is the prediction, which is that number
    /// rounded. At most `nodes` nodes of branch and bound are spent at each end ([`Effort::of`] where `None`); with 0 it is that of [`Self::reach`].
    pub fn intervals(
        &self,
        table: &Table,
        unknown: UnknownLevels,
        radius: f64,
        nodes: Option<usize>,
    ) -> Result<Vec<SampleInterval>> {
        Ok(self.intervals_encoded(self.columns.encode(table, unknown)?, radius, nodes, &mut |_| {})?.rows)
    }

    /// The same for rows whose columns have been encoded.
    pub fn intervals_encoded(
        &self,
        x: Mat<f64>,
        radius: f64,
        nodes: Option<usize>,
        observer: &mut IntervalObserver<'_>,
    ) -> Result<Intervals> {
        let network = self.shallow("a certified interval")?;
        let (norm, _) = self.reach(radius)?;
        let bound = self.certificate.as_ref().map_or(f64::INFINITY, |certificate| certificate.standardized.bound);
        let effort = Effort::of(&network, x.nrows(), nodes);
        certify::prediction_intervals((&network, &self.scaler), x, (norm, radius), bound, effort, observer)
    }

    /// For rows whose columns have been encoded, in the units of the target: the interval that the output cannot leave when the
    /// inputs are off by errors within a tolerance, which is in the units of the data. As in [`Self::intervals`] rounding is inside, and at
    /// most `nodes` nodes are spent at each end; with 0 the intervals are those of interval arithmetic.
    pub fn intervals_within(
        &self,
        x: Mat<f64>,
        tolerance: &Tolerance,
        nodes: Option<usize>,
        observer: &mut IntervalObserver<'_>,
    ) -> Result<Intervals> {
        let network = self.shallow("an interval within a tolerance")?;
        let effort = Effort::of(&network, x.nrows(), nodes);
        certify::prediction_intervals_within((&network, &self.scaler), x, tolerance, effort, observer)
    }

    /// The model, calibrated by rows that nothing was learned or chosen from, in the units of the data.
    pub fn calibrated(self, mut rows: Dataset) -> Result<Self> {
        self.scaler.standardize_in_place(&mut rows);
        let calibration = Calibration::held_out(&self.shallow("a calibration")?, &rows, &self.scaler)?;
        Ok(Self { calibration: Some(calibration), ..self })
    }

    /// Around the ends of intervals of predictions, in the units of the target, those of intervals that hold the target itself in a `share` of
    /// new rows, whatever errors of the inputs the former allow for ([`tautnet::coverage`]).
    pub fn covering(&self, ends: &[(f64, f64)], share: f64) -> Result<Vec<(f64, f64)>> {
        let calibration = self.calibration.as_ref().ok_or_else(|| {
            Error::new("the model has no calibration, which an interval of a coverage is made of", "⟨calibrated⟩")
        })?;
        let margin = calibration.margin(share)?;
        Ok(ends.iter().map(|&ends| coverage::around(ends, margin)).collect())
    }

    /// The norm of the model's certificate, and how far a prediction can move, in the units of the target, when the
    /// standardized inputs move by at most `radius` in that norm: κ_y L ε, with the L that the certificate proves.
    pub fn reach(&self, radius: f64) -> Result<(Norm, f64)> {
        RADIUS.check("radius", radius)?;
        let verified = self.proved()?.ok_or_else(|| {
            Error::new("the model has no certificate", "an interval needs a proved bound: ⟨polished⟩")
        })?;
        let certificate = verified.certificate();
        let bound = certificate.standardized.bound;
        Ok((certificate.norm.into(), certify::prediction_reach(&self.scaler, bound, radius)))
    }
}

/// Prove a certificate about a network and, where the network belongs to a model, that it speaks of the model's units.
pub fn verify(
    certificate: &[u8],
    network: &Shallow,
    scaler: Option<&Scaler>,
) -> std::result::Result<Verified, Refusal> {
    let verified = certify::verify(certificate, network)?;
    match (&verified.certificate().scaler, scaler) {
        (Some(claimed), Some(scaler)) if *claimed != tautnet_verify::Scaler::from(scaler) => {
            Err(Refusal::NotProved("its raw claim is about other units than the model's: the scalers differ".into()))
        }
        _ => Ok(verified),
    }
}

/// The same for a certificate of a network with any number of layers.
pub fn verify_chain(
    certificate: &[u8],
    network: &Network,
    scaler: Option<&Scaler>,
) -> std::result::Result<VerifiedChain, Refusal> {
    let verified = certify::verify_chain(certificate, network)?;
    match (&verified.certificate().scaler, scaler) {
        (Some(claimed), Some(scaler)) if *claimed != tautnet_verify::Scaler::from(scaler) => {
            Err(Refusal::NotProved("its raw claim is about other units than the model's: the scalers differ".into()))
        }
        _ => Ok(verified),
    }
}

fn decode<T: serde::de::DeserializeOwned>(value: Value, name: &str, source: &str) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|error| Error::new(format!("{source}: the model's `{name}`: {error}"), "write the model again"))
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::Stored;
    use tautnet::Dataset;
    use tautnet_tables::ReadOptions;

    fn table() -> Table {
        let text = "kind,a,y\nB,1.5,10\nA,2.5,30\nA,3,20\n";
        Table::from_reader("t.csv", text.as_bytes(), &ReadOptions::default()).unwrap()
    }

    fn model() -> Model {
        let columns = Encoder::fit(&table(), None, &[]).unwrap();
        let data: Dataset = columns.dataset(&table(), UnknownLevels::Refuse).unwrap();
        let w = Mat::from_fn(2, 3, |i, k| 0.1 + i as f64 - 0.7 * k as f64);
        Model {
            network: Shallow::new(w, vec![0.1, 1.0 / 3.0], vec![1.0, -2.0], 0.25).unwrap().into(),
            scaler: Scaler::fit(&data).unwrap(),
            columns,
            settings: json!({"seed": 7}),
            objective: json!({"loss": 0.1}),
            certificate: None,
            calibration: None,
        }
    }

    fn certified(norm: Norm) -> Model {
        let model = model();
        let go_on = &mut |_| std::ops::ControlFlow::Continue(());
        let certificate = certify::prove(&model.shallow("a test").unwrap(), norm, Some(&model.scaler), go_on).unwrap();
        Model { certificate: Some(certificate), ..model }
    }

    #[test]
    fn a_certificate_counts_only_while_it_proves_the_model() {
        let model = certified(Norm::Two);
        let bound = model.certificate.as_ref().unwrap().standardized.bound;
        let (norm, reach) = model.reach(0.5).unwrap();
        assert_eq!(norm, Norm::Two);
        assert!((reach - 0.5 * bound * model.scaler.target_scale).abs() < 1e-12 * reach);
        let text = model.to_json().unwrap();
        let forged = |change: &dyn Fn(&mut Model)| {
            let mut model = model.clone();
            change(&mut model);
            assert!(model.to_json().is_err());
            model.reach(0.5).unwrap_err().what
        };
        let lower = |model: &mut Model| model.certificate.as_mut().unwrap().standardized.bound *= 0.999;
        assert!(forged(&lower).contains("do not show"));
        assert!(
            forged(&|model| model.network = model.shallow("a test").unwrap().with_c(1e-9).into())
                .contains("fingerprint")
        );
        assert!(forged(&|model| model.scaler.input_scale[2] *= 2.0).contains("the scalers differ"));
        // A file with a forged bound can be read, so that it can be judged.
        let text = text.replacen(&format!("\"bound\": {bound:?}"), "\"bound\": 0.01", 1);
        let Stored::Model(read) = Stored::parse(text.as_bytes(), "m").unwrap() else { panic!() };
        assert!(read.proved().is_err());
    }

    #[test]
    fn a_model_reads_back_and_writes_the_same_bytes() {
        for model in [model(), certified(Norm::Two), certified(Norm::Infinity)] {
            let text = model.to_json().unwrap();
            let Stored::Model(read) = Stored::parse(text.as_bytes(), "m.json").unwrap() else { panic!() };
            assert_eq!(*read, model);
            assert_eq!(read.to_json().unwrap(), text);
        }
    }

    #[test]
    fn predictions_are_those_of_the_network_in_user_units() {
        let model = model();
        let x = model.columns.encode(&table(), UnknownLevels::Refuse).unwrap();
        let direct = model.network_to_user().unwrap().predict(x.as_ref());
        let shallow = model.scaler.network_to_user(&model.shallow("a test").unwrap()).unwrap();
        assert_eq!(model.network_to_user().unwrap(), Network::from(shallow));
        for (of_model, direct) in
            model.predict(&table(), UnknownLevels::Refuse).unwrap().iter().zip(direct.col(0).iter())
        {
            assert!((of_model - direct).abs() < 1e-9);
        }
        assert!(model.reach(0.5).unwrap_err().what.contains("no certificate"));
    }

    fn made_for(settings: Value) -> Model {
        Model { settings, ..model() }
    }

    #[test]
    fn a_model_knows_the_tolerance_it_was_made_for() {
        for settings in
            [json!({"seed": 7}), json!({"tolerance": 1e-8}), json!({"tolerance": [], "tolerance_shape": "ball"})]
        {
            assert!(made_for(settings).tolerance().unwrap().is_empty());
        }
        let model = made_for(json!({"tolerance": ["a=10%", "0.5sd"], "tolerance_shape": "ball"}));
        let Stored::Model(read) = Stored::parse(model.to_json().unwrap().as_bytes(), "m.json").unwrap() else {
            panic!()
        };
        let asked = read.tolerance().unwrap();
        assert_eq!(asked.shape, Shape::Ball);
        let x = read.columns.encode(&table(), UnknownLevels::Refuse).unwrap();
        let tolerance = read.tolerance_on(&asked, x.as_ref()).unwrap();
        for (k, a) in [1.5, 2.5, 3.0].into_iter().enumerate() {
            assert_eq!([0, 1, 2].map(|j| tolerance.size(k, j)), [0.0, 0.0, 0.1 * a]);
        }
        let spread =
            read.tolerance_on(&Asked { entries: vec!["0.5sd".parse().unwrap()], ..asked }, x.as_ref()).unwrap();
        assert_eq!(spread.size(2, 2), 0.5 * read.scaler.input_scale[2]);
        // A column that was constant has no spread, whatever its scale is, also after the file.
        let mut model = read;
        model.scaler.constant_inputs = vec![2];
        model.certificate = None;
        let Stored::Model(read) = Stored::parse(model.to_json().unwrap().as_bytes(), "m.json").unwrap() else {
            panic!()
        };
        let words = Asked { entries: vec!["0.5sd".parse().unwrap()], ..Asked::default() };
        assert_eq!(read.tolerance_on(&words, x.as_ref()).unwrap().size(2, 2), 0.0);
    }

    #[test]
    fn a_tolerance_that_is_none_of_these_columns_is_refused_where_the_file_is_read() {
        let text = made_for(json!({"tolerance": ["a=0.5"], "tolerance_shape": "box"})).to_json().unwrap();
        for (from, to, what) in [
            ("\"a=0.5\"", "0.5", "m: the model's `settings`: `tolerance` is [0.5], not a list of texts"),
            ("a=0.5", "warmth=0.5", "the input `warmth`, but the table has no such input"),
            ("a=0.5", "kind=0.5", "the input `kind` has words"),
            ("a=0.5", "a=-1", "the tolerance `-1` is negative"),
            ("\"box\"", "\"egg\"", "no shape of a tolerance called `egg`"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Stored::parse(text.replace(from, to).as_bytes(), "m").unwrap_err();
            assert!(error.what.contains(what) && !error.hint.is_empty(), "{error:?}");
        }
    }

    /// No value at an input within the tolerance leaves the interval, whose ends are those of the user's units.
    #[test]
    fn predictions_stay_in_their_intervals_within_the_tolerance() {
        for shape in Shape::ALL {
            let model = made_for(json!({"tolerance": ["a=10%+0.2"], "tolerance_shape": shape.name()}));
            let x = model.columns.encode(&table(), UnknownLevels::Refuse).unwrap();
            let tolerance = model.tolerance_on(&model.tolerance().unwrap(), x.as_ref()).unwrap();
            let intervals = model.intervals_within(x.clone(), &tolerance, None, &mut |_| {}).unwrap().rows;
            let exact = Tolerance::none(3);
            let none = model.intervals_within(x.clone(), &exact, None, &mut |_| {}).unwrap().rows;
            for (k, interval) in intervals.iter().enumerate() {
                assert!(interval.closed && none[k].closed);
                let at = |t: f64| {
                    let mut moved = x.clone();
                    moved[(k, 2)] += t * tolerance.size(k, 2);
                    model.predict_encoded(moved)[k]
                };
                let values: Vec<f64> = (0..=1000).map(|t| at(t as f64 / 500.0 - 1.0)).collect();
                let (low, high) =
                    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
                assert!(interval.lower <= low + 1e-9 && high - 1e-9 <= interval.upper);
                assert!(
                    high - low > 0.1 && low - interval.lower < 0.1 && interval.upper - high < 0.1,
                    "{interval:?} {low} {high}"
                );
                assert!(interval.lower <= interval.lowest_found && interval.highest_found <= interval.upper);
                let prediction = at(0.0);
                assert!(
                    none[k].lower <= prediction && prediction <= none[k].upper && none[k].upper - none[k].lower < 1e-9
                );
            }
        }
    }

    #[test]
    fn what_is_no_model_of_this_version_is_refused() {
        let text = model().to_json().unwrap();
        for (from, to, what) in [
            ("\"version\": 2", "\"version\": 3", "m: is a model"),
            ("\"version\": 2,", "", "has no `version`"),
            ("tautnet-model", "other-model", "has the format \"other-model\""),
            ("\"settings\"", "\"setting\"", "`setting` is not a part of a model"),
            ("\"scaler\": {", "\"scaler\": {\"x\": 1,", "the model's `scaler`: unknown field `x`"),
            (
                "\"objective\"",
                "\"certificate\": {\"bound\": 1}, \"objective\"",
                "the model's `certificate`: unknown field `bound`",
            ),
            ("\"input_mean\": [", "\"input_mean\": [1, ", "the scaler has 4 means"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = Stored::parse(text.replace(from, to).as_bytes(), "m").unwrap_err();
            let what =
                what.replace("m: is a model", "m is a model file of version 3; this program reads versions 1 and 2");
            assert!(error.what.contains(&what), "{error:?}");
        }
        let plain = Stored::parse(br#"{"w": [[1]], "b": [0], "v": [1]}"#, "n").unwrap();
        assert!(matches!(plain, Stored::Network(_)));
    }
}

//! Certificates of chains of layers: how fast a network with any number of layers can change, proved layer by layer.
//!
//! **The model.** `f(x) = W_L σ_{L−1}( … σ_1(W_1 x + b_1) … ) + b_L + W_0 x`, `σ_l` acting on every sum of its layer, and
//! `F(X) = y_mean + κ_y f((X − x_mean)/κ)` for every output. In standardized units κ = 1 and κ_y = 1. Every weight is the exact value of its
//! stored double, and F is a function of real numbers.
//!
//! **The theorem.** Inputs and outputs are measured in the norm p. Let `‖W_1 diag(κ)⁻¹‖ ≤ s_1`, `‖W_l‖ ≤ s_l`, `‖W_0 diag(κ)⁻¹‖ ≤ s_0`, and let
//! K_l be at least the constant of σ_l as a map from the sums to all that it hands on. Then
//!
//! ```text
//!     ‖F(X) − F(Y)‖      ≤  κ_y ( s_1 K_1 s_2 K_2 ⋯ K_{L−1} s_L + s_0 ) ‖X − Y‖
//!     |F_j(X) − F_j(Y)|  ≤  κ_y ( s_1 K_1 ⋯ s_{L−1} K_{L−1} ‖row j of W_L‖_q + ‖row j of W_0 diag(κ)⁻¹‖_q ) ‖X − Y‖,
//! ```
//!
//! q being the dual norm of p, and for `F_j − F_k` the same with the differences of the rows. With one layer `W_L = W_1`, divided by κ.
//!
//! *Proof.* A composition of maps that are Lipschitz has the product of their constants, and a sum the sum. ∎
//!
//! **Constants of activations.** Of a unit with the branches `φ_1 … φ_K` they are the largest p-norm of `(φ_1′(h) … φ_K′(h))`: 1 for all
//! of them and every p, but for `sincos` and p = 1, where `|cos h| + |sin h| ≤ √2`. `maxmin` sorts sums two by two, which brings no two lists of
//! them farther apart. All of this is derived in `docs/mathematics/deep.md`.

use crate::certificate::{Norm, Scaler};
use crate::chain_lipsdp::{self, ChainLipsdp};
use crate::norms::{Matrix, product_up, sum_up};
use crate::refusal::Refusal;
use crate::verify::{Units, read_object};
use crate::weights::{Chain, LayerWeights, fingerprint_of_layers};
use serde::{Deserialize, Serialize};

/// The `format` of certificates of chains of layers.
pub const CHAIN: &str = "tautnet-chain-certificate";

/// The version of the format where a claim has multipliers, and the one without.
const VERSIONS: [u32; 2] = [2, 1];

/// (V7) is derived for fewer rows and columns than this.
const LARGEST: usize = 1 << 20;

/// What is claimed in one system of units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainClaim {
    /// For each layer an upper bound on the operator norm of its weights.
    pub layers: Vec<f64>,
    /// An upper bound on the operator norm of the linear part: present exactly when there is one.
    pub linear: Option<f64>,
    /// An upper bound on the Lipschitz constant of all outputs together, measured in the norm of the inputs.
    pub bound: f64,
    /// For each output an upper bound on its Lipschitz constant.
    pub outputs: Vec<f64>,
    /// For the differences of outputs, those of output 0 and 1, 0 and 2, …, 1 and 2, …, upper bounds on their Lipschitz constants.
    pub pairs: Option<Vec<f64>>,
    /// Bounds by multipliers of the hidden units, in the norm 2 and from version 2 of the format on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lipsdp: Option<Vec<ChainLipsdp>>,
}

impl ChainClaim {
    /// What multipliers prove of all outputs together, where a claim has them.
    pub fn by_multipliers(&self) -> Option<f64> {
        let of_all = self.lipsdp.iter().flatten().filter(|proof| proof.output.is_none());
        of_all.map(|proof| proof.bound).reduce(f64::min)
    }

    /// The least bound of all outputs together.
    pub fn least(&self) -> f64 {
        self.by_multipliers().map_or(self.bound, |bound| bound.min(self.bound))
    }
}

/// Bounds on the Lipschitz constants of one network, with the norms that prove them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainCertificate {
    /// Always [`CHAIN`].
    pub format: String,
    /// The version of the format: 2 where a claim has multipliers, else 1.
    pub version: u32,
    /// [`fingerprint_of_layers`] of the network.
    pub network: String,
    /// The norm in which changes of the inputs, and of all outputs together, are measured.
    pub norm: Norm,
    /// The units of `raw`; `None` when the network acts on the user's own numbers.
    pub scaler: Option<Scaler>,
    /// The claim about the network itself.
    pub standardized: ChainClaim,
    /// The claim in the user's units: present exactly when `scaler` is.
    pub raw: Option<ChainClaim>,
}

impl ChainCertificate {
    /// A certificate of this network with these claims.
    pub fn new(chain: &Chain<'_>, norm: Norm, standardized: ChainClaim, raw: Option<(Scaler, ChainClaim)>) -> Self {
        let (scaler, raw) = raw.unzip();
        let network = chain.fingerprint();
        let mut certificate = Self { format: CHAIN.into(), version: 1, network, norm, scaler, standardized, raw };
        certificate.version = certificate.due_version();
        certificate
    }

    /// The version that its claims ask for.
    fn due_version(&self) -> u32 {
        let claims = [Some(&self.standardized), self.raw.as_ref()];
        if claims.into_iter().flatten().any(|claim| claim.lipsdp.is_some()) { VERSIONS[0] } else { VERSIONS[1] }
    }

    /// The certificate with these bounds by multipliers too, in its own units and in the user's.
    pub fn with_multipliers(mut self, standardized: Option<Vec<ChainLipsdp>>, raw: Option<Vec<ChainLipsdp>>) -> Self {
        self.standardized.lipsdp = standardized;
        if let Some(claim) = &mut self.raw {
            claim.lipsdp = raw;
        }
        self.version = self.due_version();
        self
    }

    /// The file's bytes. Every number is written so that reading it gives the same double back.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain data with text keys always serializes");
        bytes.push(b'\n');
        bytes
    }
}

/// A certificate of a chain whose every claim has been proved. Only [`verify_chain`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedChain(ChainCertificate);

impl VerifiedChain {
    /// The proved certificate.
    pub fn certificate(&self) -> &ChainCertificate {
        &self.0
    }
}

/// Prove every claim of the certificate about this network, or refuse. Never panics, whatever the bytes.
///
/// The scaler is part of the certificate, not of the network: where the model file has one, compare the two.
pub fn verify_chain(bytes: &[u8], chain: &Chain<'_>) -> Result<VerifiedChain, Refusal> {
    let certificate = read(bytes)?;
    chain.check()?;
    if certificate.network != chain.fingerprint() {
        return Err(Refusal::WrongNetwork("the weights have another fingerprint".into()));
    }
    let norm = certificate.norm;
    prove(chain, norm, &Units::standardized(chain.inputs), &certificate.standardized, "standardized")?;
    match (&certificate.scaler, &certificate.raw) {
        (None, None) => {}
        (Some(scaler), Some(claim)) => {
            prove(chain, norm, &Units::of_user(scaler, chain.inputs)?, claim, "raw")?;
        }
        _ => return Err(malformed("`scaler` and `raw` go together, but only one is given")),
    }
    Ok(VerifiedChain(certificate))
}

fn malformed(what: impl Into<String>) -> Refusal {
    Refusal::Malformed(what.into())
}

fn read(bytes: &[u8]) -> Result<ChainCertificate, Refusal> {
    let certificate: ChainCertificate = read_object(bytes)?;
    if certificate.format != CHAIN || !VERSIONS.contains(&certificate.version) {
        return Err(Refusal::Unsupported(format!(
            "it says \"{}\" version {}, not \"{CHAIN}\" version {} or {}",
            certificate.format, certificate.version, VERSIONS[0], VERSIONS[1]
        )));
    }
    if certificate.version != certificate.due_version() {
        return Err(malformed(
            "version 2 of the format is that of certificates with multipliers, version 1 that of those without",
        ));
    }
    Ok(certificate)
}

/// What a layer hands on for each of its sums, and the constant of that map in the norm p, rounded up; `None` for an activation that is not
/// known.
pub fn activation_constant(name: &str, norm: Norm) -> Option<(usize, f64)> {
    match name {
        "identity" | "relu" | "abs" | "tanh" | "maxmin" => Some((1, 1.0)),
        "crelu" | "sine-pair" => Some((2, 1.0)),
        "sincos" => Some((2, if norm == Norm::One { std::f64::consts::SQRT_2.next_up() } else { 1.0 })),
        _ => {
            let alpha: f64 = name.strip_prefix("leaky-relu:")?.parse().ok()?;
            (alpha.abs() <= 1.0).then_some((1, 1.0))
        }
    }
}

impl Chain<'_> {
    /// [`fingerprint_of_layers`] of the network.
    pub fn fingerprint(&self) -> String {
        fingerprint_of_layers(self.layers, self.linear)
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// Refuse what is no chain of layers with known activations and finite weights.
    pub fn check(&self) -> Result<(), Refusal> {
        let wrong = |what: String| Err(Refusal::WrongNetwork(what));
        let mut width = self.inputs;
        for (l, layer) in self.layers.iter().enumerate() {
            let sizes = 1..LARGEST;
            if !sizes.contains(&layer.outputs) || !sizes.contains(&width) {
                return wrong(format!("layer {} has {} units and {width} inputs", l + 1, layer.outputs));
            }
            if layer.weights.len() != layer.outputs * width || layer.bias.len() != layer.outputs {
                return wrong(format!("layer {} has parts that disagree", l + 1));
            }
            if !layer.weights.iter().chain(layer.bias).all(|weight| weight.is_finite()) {
                return wrong(format!("layer {} has a weight that is not a finite number", l + 1));
            }
            let Some((branches, _)) = activation_constant(layer.activation, Norm::Two) else {
                return wrong(format!("nothing is known here of the activation of layer {}", l + 1));
            };
            if layer.activation == "maxmin" && layer.outputs % 2 == 1 {
                return wrong(format!("layer {} has {} units, which cannot be taken two by two", l + 1, layer.outputs));
            }
            width = layer.outputs * branches;
        }
        match self.layers.last() {
            Some(last) if last.activation == "identity" => {}
            _ => return wrong("it has no layer, or an activation after the last one".into()),
        }
        let linear = self.linear.unwrap_or_default();
        if self.linear.is_some() && linear.len() != self.outputs() * self.inputs {
            return wrong("its linear part disagrees with its layers".into());
        }
        if linear.iter().all(|weight| weight.is_finite()) {
            Ok(())
        } else {
            wrong("its linear part has a weight that is not a finite number".into())
        }
    }

    /// The matrix of a layer in these units: only the first one's inputs have any.
    pub fn matrix<'m>(&'m self, layer: usize, units: &'m Units) -> Matrix<'m> {
        let before = |layer: &LayerWeights<'_>| {
            layer.outputs * activation_constant(layer.activation, Norm::Two).map_or(1, |(branches, _)| branches)
        };
        let columns = if layer == 0 { self.inputs } else { before(&self.layers[layer - 1]) };
        let scales = (layer == 0).then(|| units.x_scales());
        Matrix { columns, numbers: self.layers[layer].weights, scales }
    }

    /// The matrix of the linear part, where there is one, in these units.
    pub fn linear_matrix<'m>(&'m self, units: &'m Units) -> Option<Matrix<'m>> {
        Some(Matrix { columns: self.inputs, numbers: self.linear?, scales: Some(units.x_scales()) })
    }
}

/// What follows from norms of the layers of a chain that passes [`Chain::check`]. Whether the norms are true is not asked here.
#[derive(Debug, Clone)]
pub struct Follows<'a> {
    chain: &'a Chain<'a>,
    norm: Norm,
    units: &'a Units,
    /// `s_1 K_1 ⋯ s_{L−1} K_{L−1}`, rounded up.
    hidden: f64,
    /// `κ_y (s_1 ⋯ s_L + s_0)`, rounded up.
    bound: f64,
}

impl<'a> Follows<'a> {
    /// From a norm for each layer, and one for the linear part where there is one.
    pub fn new(chain: &'a Chain<'a>, norm: Norm, units: &'a Units, layers: &[f64], linear: Option<f64>) -> Self {
        let steps = chain.layers.iter().zip(layers).map(|(layer, &s)| {
            product_up(s, activation_constant(layer.activation, norm).map_or(f64::INFINITY, |(_, constant)| constant))
        });
        let steps: Vec<f64> = steps.collect();
        let product = |steps: &[f64]| match steps.contains(&0.0) {
            true => 0.0,
            false => steps.iter().copied().fold(1.0, product_up),
        };
        let hidden = product(&steps[..steps.len().saturating_sub(1)]);
        let bound = product_up(units.y_scale(), sum_up(product(&steps), linear.unwrap_or(0.0)));
        Self { chain, norm, units, hidden, bound }
    }

    /// The bound of all outputs together.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// The bound of what has these slopes in the last layer and in the linear part.
    fn with(&self, slope: impl Fn(&Matrix<'_>) -> f64) -> f64 {
        let last = slope(&self.chain.matrix(self.chain.layers.len() - 1, self.units));
        let linear = self.chain.linear_matrix(self.units).map_or(0.0, |linear| slope(&linear));
        product_up(self.units.y_scale(), sum_up(product_up(self.hidden, last), linear))
    }

    /// The bound of one output.
    pub fn output(&self, j: usize) -> f64 {
        self.with(|matrix| matrix.slope(self.norm, j))
    }

    /// The bound of the difference of two outputs.
    pub fn pair(&self, j: usize, k: usize) -> f64 {
        self.with(|matrix| matrix.slope_of_difference(self.norm, j, k))
    }

    /// The bounds of all pairs, in the order of a claim.
    pub fn pairs(&self) -> Vec<f64> {
        let outputs = self.chain.outputs();
        (0..outputs).flat_map(|j| (j + 1..outputs).map(move |k| (j, k))).map(|(j, k)| self.pair(j, k)).collect()
    }
}

/// Prove one claim in its units, about a network that passes [`Chain::check`]; `name` is what refusals call the claim.
pub fn prove(chain: &Chain<'_>, norm: Norm, units: &Units, claim: &ChainClaim, name: &str) -> Result<(), Refusal> {
    let outputs = chain.outputs();
    let pairs = outputs.saturating_mul(outputs.saturating_sub(1)) / 2;
    let lengths = [
        ("norms of layers", claim.layers.len(), chain.layers.len()),
        ("outputs", claim.outputs.len(), outputs),
        ("pairs", claim.pairs.as_ref().map_or(pairs, Vec::len), pairs),
    ];
    for (what, length, expected) in lengths {
        if length != expected {
            return Err(malformed(format!("the {name} claim has {length} {what}, not {expected}")));
        }
    }
    if claim.linear.is_some() != chain.linear.is_some() {
        return Err(malformed(format!("the {name} claim and the network do not agree on a linear part")));
    }
    let numbers = claim.layers.iter().chain(&claim.linear).chain([&claim.bound]).chain(&claim.outputs);
    if !numbers.chain(claim.pairs.iter().flatten()).all(|number| number.is_finite() && *number >= 0.0) {
        return Err(malformed(format!("a number of the {name} claim is negative or not finite")));
    }
    let not_proved = |what: String| Err(Refusal::NotProved(what));
    // What costs nothing comes first.
    let follows = Follows::new(chain, norm, units, &claim.layers, claim.linear);
    if follows.bound() > claim.bound {
        return not_proved(format!("the {name} norms show the bound {:?}, not {:?}", follows.bound(), claim.bound));
    }
    for (j, &claimed) in claim.outputs.iter().enumerate() {
        let shown = follows.output(j);
        if shown > claimed {
            return not_proved(format!("the {name} norms show {shown:?} for output {j}, not {claimed:?}"));
        }
    }
    if let Some(claimed) = &claim.pairs {
        let shown = follows.pairs();
        if let Some(at) = shown.iter().zip(claimed).position(|(shown, claimed)| shown > claimed) {
            let (shown, claimed) = (shown[at], claimed[at]);
            return not_proved(format!("the {name} norms show {shown:?} for pair {at}, not {claimed:?}"));
        }
    }
    for (l, &claimed) in claim.layers.iter().enumerate() {
        if !chain.matrix(l, units).norm_is_at_most(norm, claimed) {
            return not_proved(format!("the {name} norm of layer {} is not shown to be at most {claimed:?}", l + 1));
        }
    }
    if let (Some(linear), Some(claimed)) = (chain.linear_matrix(units), claim.linear)
        && !linear.norm_is_at_most(norm, claimed)
    {
        return not_proved(format!("the {name} norm of the linear part is not shown to be at most {claimed:?}"));
    }
    if norm != Norm::Two && claim.lipsdp.is_some() {
        return Err(malformed(format!("the {name} claim has multipliers, which belong to the norm \"2\"")));
    }
    for claimed in claim.lipsdp.iter().flatten() {
        chain_lipsdp::prove(chain, units, claimed, claim.linear, name)?;
    }
    Ok(())
}

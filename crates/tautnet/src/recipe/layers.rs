//! What a user may ask of the polish of a deep network, beside the settings that it shares with others.

use super::field::{Command, Field, Kind, Value, Word, put_number, put_word};
use super::settings::Recipe;
use super::table::Table;
use crate::deep_polish::{Bound, Settings};
use crate::range::Range;
use Command::Polish;

/// What is asked of the polish of a deep network. `None` where nothing was said.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Layers {
    /// What has the price and the limit.
    pub bound: Option<Bound>,
    /// How far inputs may be off, in the norm.
    pub radius: Option<f64>,
}

/// What of the recipe has a meaning for the polish of a deep network; the seed is that of the rows held out.
pub const OF_LAYERS: [&str; 7] = ["loss", "lipschitz_price", "max_lipschitz", "norm", "rounds", "tol", "seed"];

impl Layers {
    /// The settings of the polish.
    pub fn resolve(&self, recipe: &Recipe) -> Settings {
        Settings {
            loss: recipe.loss.clone(),
            norm: recipe.norm,
            radius: self.radius.unwrap_or(0.0),
            bound: self.bound.unwrap_or_default(),
            lipschitz_price: recipe.lipschitz_price.unwrap_or(0.0),
            most: recipe.max_lipschitz,
            rounds: recipe.rounds,
            ..Settings::default()
        }
    }
}

impl Table for Layers {
    const FIELDS: &'static [Field<Self>] = &[
        Field {
            name: "bound",
            group: "Deep network",
            symbol: "BOUND",
            kind: Kind::Word(|| Bound::ALL.map(|bound| Word::new(bound.name(), bound.help())).to_vec()),
            help: "What --lipschitz-price is a price on, and --max-lipschitz a limit of, where the network is deep",
            commands: &[Polish],
            unsaid: |_| Some(Bound::default().name().into()),
            get: |layers| layers.bound.map_or(Value::Nothing, |bound| Value::Word(bound.name().into())),
            set: |layers, value| put_word(value, &mut |bound| layers.bound = Some(bound)),
            ..Field::PLAIN
        },
        Field {
            name: "radius",
            group: "Deep network",
            symbol: "RADIUS",
            kind: Kind::Number(Range::NotNegative),
            help: "How far inputs may be off, in the norm, where the network is deep: each row costs its worst case by the bound",
            more: "In the units in which the network meets the data. It goes with the bound `trivial`.",
            commands: &[Polish],
            unsaid: |_| {
                Some(
                    "that of the model file; 0 for a plain network, or where --lipschitz-price or --max-lipschitz is given"
                        .into(),
                )
            },
            get: |layers| layers.radius.map_or(Value::Nothing, Value::Number),
            set: |layers, value| put_number(value, &mut |radius| layers.radius = Some(radius)),
            ..Field::PLAIN
        },
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_asked_of_the_polish() {
        let mut layers = Layers::default();
        let recipe = Recipe { lipschitz_price: Some(0.1), max_lipschitz: Some(2.0), rounds: 3, ..Recipe::default() };
        let plain = layers.resolve(&recipe);
        assert_eq!((plain.lipschitz_price, plain.most, plain.rounds, plain.radius), (0.1, Some(2.0), 3, 0.0));
        layers.set("bound", &Value::Word("lipsdp".into())).unwrap();
        layers.set("radius", &Value::Number(0.2)).unwrap();
        let said = layers.resolve(&recipe);
        assert_eq!((said.bound, said.radius), (Bound::Lipsdp, 0.2));
        assert!(layers.set("bound", &Value::Word("path".into())).is_err());
    }
}

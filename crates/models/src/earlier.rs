//! What files of earlier versions call otherwise.

use serde_json::Value;
use tautnet::recipe::{Recipe, Table};

/// The settings of a model under the names that they have now, those of its last polish among them.
pub(crate) fn settings(mut settings: Value) -> Value {
    if let Some(settings) = settings.as_object_mut() {
        for field in Recipe::FIELDS {
            for (before, now) in field.before.iter().flat_map(|before| {
                [
                    ((*before).to_owned(), field.name.to_owned()),
                    (format!("{before}_chosen"), format!("{}_chosen", field.name)),
                ]
            }) {
                if let Some(value) = settings.remove(&before) {
                    settings.entry(now).or_insert(value);
                }
            }
        }
        if let Some(polish) = settings.get_mut("polish") {
            *polish = self::settings(polish.take());
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::settings;
    use serde_json::json;

    #[test]
    fn settings_of_earlier_files_have_the_names_of_now() {
        let before =
            json!({"lipschitz": 0.1, "lipschitz_chosen": true, "polish": {"lipschitz": 0.2, "norm": "2"}, "seed": 1});
        let now = json!({"lipschitz_price": 0.1, "lipschitz_price_chosen": true, "polish": {"lipschitz_price": 0.2, "norm": "2"}, "seed": 1});
        assert_eq!(settings(before), now);
        assert_eq!(settings(now.clone()), now);
        for other in [json!(null), json!([1]), json!({"polish": 3})] {
            assert_eq!(settings(other.clone()), other);
        }
    }
}

//! What the Hugging Face hub reads at the top of a model card, in YAML.

use crate::Model;
use crate::results::ModelSource;

/// What is known of the model that another one was made from: language, licence and name, as far as the hub can know it.
pub(crate) fn origin(model: &ModelSource) -> String {
    if model.is_from_hub {
        return format!("base_model: {}\n", quoted(&model.name));
    }
    if model.name == Model::BUILT_IN {
        // It is not on the hub, but what it was made from is.
        return "language: en\nlicense: apache-2.0\nbase_model: sentence-transformers/all-MiniLM-L6-v2\n"
            .into();
    }
    String::new()
}

/// Text as a string of YAML, whatever is in it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for one in text.chars() {
        match one {
            '"' | '\\' => quoted.extend(['\\', one]),
            // Readers of YAML refuse these.
            one if one.is_control() || matches!(one, '\u{fffe}' | '\u{ffff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(one)));
            }
            one => quoted.push(one),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_user_stays_within_its_quotes() {
        assert_eq!(quoted("a \"b\" \\ c: #\n\u{7f}é"), "\"a \\\"b\\\" \\\\ c: #\\u000a\\u007fé\"");
    }

    #[test]
    fn only_what_is_known_of_a_model_is_said() {
        let model =
            |name: &str, is_from_hub| ModelSource { name: name.into(), fingerprint: "f".into(), is_from_hub };
        assert_eq!(origin(&model("models/bert", false)), "");
        assert_eq!(origin(&model("owner/bert", true)), "base_model: \"owner/bert\"\n");
        assert!(origin(&model(Model::BUILT_IN, false)).starts_with("language: en\nlicense: apache-2.0\n"));
    }
}

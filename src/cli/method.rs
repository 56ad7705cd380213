//! Methods by their names on the command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::portrait::Method;

impl ValueEnum for Method {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let name = match self {
            Self::Instant => "instant",
            Self::Warp => "warp",
            Self::Plain => "plain",
            Self::Diffuse => "diffuse",
        };
        Some(PossibleValue::new(name).help(self.description()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_and_files_call_a_method_the_same() {
        for method in Method::ALL {
            let name = method.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(serde_json::json!(method), name);
            assert_eq!(Method::from_str(&name, false), Ok(method));
        }
    }
}

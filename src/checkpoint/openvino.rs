//! OpenVINO's intermediate representation: an `.xml` file that lists layers and edges, and a `.bin`
//! file beside it that holds the constants.
//!
//! Versions 10 and 11, static shapes, constants of `f32`, `f16`, `i64` and `i32`. Format:
//! <https://docs.openvino.ai/2025/documentation/openvino-ir-format.html>.

mod source;

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::ArrayD;
use roxmltree::{Document, ParsingOptions};

use self::source::Source;
use super::{Error, read_file};

/// The largest accepted `.xml` and `.bin` files; the largest network of interest has 0.5 and 32 MiB.
const XML_LIMIT_BYTES: u64 = 64 << 20;
const BIN_LIMIT_BYTES: u64 = 4 << 30;

/// The most XML nodes (elements and texts).
const XML_NODE_LIMIT: u32 = 8 << 20;

/// The most attributes of one element, and `=` in their values: the parser compares every two of them.
const ATTRIBUTE_LIMIT: usize = 256;

/// A network: layers in an order in which every layer comes after those that it reads from.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The network's name.
    pub name: String,
    /// The layers.
    pub layers: Vec<Layer>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The layer's name, for messages.
    pub name: String,
    /// The operation (`Add`, `Convolution`, `Const` …).
    pub kind: String,
    /// The operation's attributes, as written.
    pub attributes: BTreeMap<String, String>,
    /// Where the operands come from.
    pub operands: Vec<Operand>,
    /// The shapes of the results.
    pub results: Vec<Vec<usize>>,
    /// The value, in a layer of the kind `Const`.
    pub constant: Option<Constant>,
}

/// A result of an earlier layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Index of the layer in [`Model::layers`].
    pub layer: usize,
    /// Index of the result in [`Layer::results`].
    pub result: usize,
}

/// The value of a constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// Numbers of `f32` or `f16`.
    F32(ArrayD<f32>),
    /// Numbers of `i64` or `i32`.
    I64(ArrayD<i64>),
}

impl Model {
    /// Reads an `.xml` file and the `.bin` file of the same name beside it.
    ///
    /// # Errors
    /// An [`Error`] that names the file, the layer and what is wrong with it.
    pub fn read(xml_path: &Path) -> Result<Self, Error> {
        let xml = read_file(xml_path, XML_LIMIT_BYTES)?;
        let bin = read_file(&xml_path.with_extension("bin"), BIN_LIMIT_BYTES)?;
        Self::parse(xml_path, &xml, &bin)
    }

    /// Reads the contents of both files; `xml_path` serves messages only.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn parse(xml_path: &Path, xml: &[u8], bin: &[u8]) -> Result<Self, Error> {
        let not = |what, e: &dyn std::fmt::Display| {
            Error::malformed(xml_path, "the text", format!("is not {what} ({e})"))
        };
        let text = std::str::from_utf8(xml).map_err(|e| not("UTF-8", &e))?;
        check_markup(xml_path, text)?;
        let options = ParsingOptions {
            nodes_limit: XML_NODE_LIMIT,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options).map_err(|e| not("XML", &e))?;
        Source {
            path: xml_path,
            bin,
        }
        .model(document.root_element())
    }
}

/// Refuses what the parser behind `roxmltree` takes quadratic time or memory for: elements with
/// thousands of attributes, and namespaces, which the format does not use.
fn check_markup(path: &Path, text: &str) -> Result<(), Error> {
    if text.contains("xmlns") {
        return Err(Error::unsupported(path, "the text", "has XML namespaces"));
    }
    let attributes = |tag: &str| tag.bytes().filter(|byte| *byte == b'=').count();
    if text.split('<').any(|tag| attributes(tag) > ATTRIBUTE_LIMIT) {
        let problem = format!("has more than {ATTRIBUTE_LIMIT} attributes");
        return Err(Error::unsupported(path, "an element of the text", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::source::SHARING_LIMIT;
    use super::*;

    /// Adds the constant [1, -2] to the input `x`; the layers are listed back to front.
    const XML: &str = r#"<?xml version="1.0"?>
<net name="sum" version="10">
  <layers>
    <layer id="9" name="end" type="Result"><input><port id="0"><dim>2</dim></port></input></layer>
    <layer id="4" name="sum" type="Add"><data auto_broadcast="numpy"/>
      <input><port id="0"><dim>2</dim></port><port id="1"><dim>2</dim></port></input>
      <output><port id="2"><dim>2</dim></port></output></layer>
    <layer id="1" name="c" type="Const"><data element_type="f32" offset="8" shape="2" size="8"/>
      <output><port id="0"><dim>2</dim></port></output></layer>
    <layer id="0" name="x" type="Parameter"><data element_type="f32" shape="2"/>
      <output><port id="0"><dim>2</dim></port></output></layer>
  </layers>
  <edges>
    <edge from-layer="0" from-port="0" to-layer="4" to-port="0"/>
    <edge from-layer="1" from-port="0" to-layer="4" to-port="1"/>
    <edge from-layer="4" from-port="2" to-layer="9" to-port="0"/>
  </edges>
</net>"#;

    fn bin() -> Vec<u8> {
        [
            7i64.to_le_bytes().to_vec(),
            1f32.to_le_bytes().into(),
            (-2f32).to_le_bytes().into(),
        ]
        .concat()
    }

    fn parse(xml: &str, bin: &[u8]) -> Result<Model, Error> {
        Model::parse(Path::new("net.xml"), xml.as_bytes(), bin)
    }

    fn message(from: &str, to: &str) -> String {
        assert!(XML.contains(from));
        parse(&XML.replace(from, to), &bin())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn puts_layers_in_order_and_connects_them() {
        let model = parse(XML, &bin()).unwrap();
        let names: Vec<_> = model
            .layers
            .iter()
            .map(|layer| layer.name.as_str())
            .collect();
        assert_eq!(names, ["c", "x", "sum", "end"]);
        assert_eq!(
            model.layers[0].constant,
            Some(Constant::F32(array![1., -2.].into_dyn()))
        );
        let operands: Vec<_> = model.layers[2]
            .operands
            .iter()
            .map(|operand| operand.layer)
            .collect();
        assert_eq!(operands, [1, 0], "x + c");
        assert_eq!(model.layers[2].attributes["auto_broadcast"], "numpy");
        assert_eq!(model.layers[2].results, [vec![2]]);
        assert_eq!(
            model.layers[3].operands,
            [Operand {
                layer: 2,
                result: 0
            }]
        );
    }

    #[test]
    fn reads_integers_and_halves() {
        let constant = |element_type: &str, offset: &str, dim: &str, size: &str, bin: &[u8]| {
            let xml = XML
                .replace(
                    r#"element_type="f32" offset="8" shape="2" size="8""#,
                    &format!(r#"element_type="{element_type}" offset="{offset}" size="{size}""#),
                )
                .replacen(
                    r#"<output><port id="0"><dim>2</dim>"#,
                    &format!(r#"<output><port id="0"><dim>{dim}</dim>"#),
                    1,
                );
            parse(&xml, bin).unwrap().layers[0]
                .constant
                .clone()
                .unwrap()
        };
        assert_eq!(
            constant("i64", "0", "1", "8", &bin()),
            Constant::I64(array![7].into_dyn())
        );
        assert_eq!(
            constant("i32", "0", "2", "8", &bin()),
            Constant::I64(array![7, 0].into_dyn())
        );
        let half = [0x00, 0xc0, 0x00, 0x3c];
        assert_eq!(
            constant("f16", "0", "2", "4", &half),
            Constant::F32(array![-2., 1.].into_dyn())
        );
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let cases = [
            (r#"size="8""#, r#"size="4""#, "layer `c`"),
            (
                r#"size="8""#,
                r#"size="12""#,
                "net.bin ends inside the constant of layer `c`",
            ),
            (
                r#"offset="8""#,
                r#"offset="18446744073709551615""#,
                "net.bin",
            ),
            (
                r#"<port id="0"><dim>2</dim></port></output>"#,
                r#"<port id="0"><dim>-1</dim></port></output>"#,
                "-1",
            ),
            (
                r#"element_type="f32" offset"#,
                r#"element_type="u1" offset"#,
                "u1",
            ),
            (r#"from-layer="0""#, r#"from-layer="3""#, "layer 3"),
            (r#"from-port="2""#, r#"from-port="5""#, "layer `end`"),
            (
                r#"to-layer="4" to-port="1""#,
                r#"to-layer="4" to-port="0""#,
                "twice",
            ),
            (
                r#"from-layer="0" from-port="0" to-layer="4""#,
                r#"from-layer="4" from-port="2" to-layer="4""#,
                "circle",
            ),
            (r#"layer id="9""#, r#"layer id="4""#, "twice"),
            (r#"version="10""#, r#"version="7""#, "version 7"),
            ("</layers>", "", "not XML"),
        ];
        for (from, to, expected) in cases {
            let message = message(from, to);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn refuses_truncations_and_entities() {
        for length in 0..XML.len() {
            assert!(parse(&XML[..length], &bin()).is_err(), "{length} bytes");
        }
        for length in 0..bin().len() {
            assert!(matches!(
                parse(XML, &bin()[..length]),
                Err(Error::Truncated { .. })
            ));
        }
        let laughs = format!(
            r#"<!DOCTYPE net [<!ENTITY a "ha">]>{}"#,
            XML.replace(r#"<?xml version="1.0"?>"#, "")
        );
        assert!(parse(&laughs, &bin()).is_err());
    }

    #[test]
    fn survives_deep_nesting() {
        let deep = "<net version=\"10\">".to_owned() + &"<a>".repeat(200_000);
        assert!(parse(&deep, &[]).is_err());
    }

    #[test]
    fn refuses_markup_that_would_be_slow_to_parse() {
        let attributes: String = (0..100_000).map(|i| format!(" a{i}=''")).collect();
        let message = message("<net ", &format!("<net{attributes} "));
        assert!(message.contains("attributes"), "{message}");
        let namespaces: String = (0..10_000).map(|i| format!(" xmlns:a{i}='{i}'")).collect();
        let elements = "<b xmlns:z='z'/>".repeat(10_000);
        let nested = format!("<net{namespaces}>{elements}</net>");
        let message = parse(&nested, &[]).unwrap_err().to_string();
        assert!(message.contains("namespaces"), "{message}");
    }

    #[test]
    fn constants_may_not_outgrow_the_file() {
        let constant = |id| {
            format!(
                r#"<layer id="{id}" type="Const"><data element_type="f32" offset="0" size="16"/>
                <output><port id="0"><dim>4</dim></port></output></layer>"#
            )
        };
        let net = |count| {
            let layers: String = (0..count).map(constant).collect();
            format!(r#"<net version="11"><layers>{layers}</layers><edges/></net>"#)
        };
        assert_eq!(
            parse(&net(SHARING_LIMIT), &bin()).unwrap().layers.len(),
            SHARING_LIMIT
        );
        assert!(parse(&net(SHARING_LIMIT + 1), &bin()).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_on_a_damaged_file(at in any::<prop::sample::Index>(), byte in 32u8..127) {
            let mut xml = XML.as_bytes().to_vec();
            let at = at.index(xml.len());
            xml[at] = byte;
            _ = Model::parse(Path::new("net.xml"), &xml, &bin());
        }
    }
}

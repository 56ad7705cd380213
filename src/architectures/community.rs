//! The community generator: MobileStyleGAN, distilled from StyleGAN2 (Belousov, *MobileStyleGAN: A
//! Lightweight Convolutional Neural Network for High-Fidelity Image Synthesis*, 2021), as published in
//! OpenVINO's representation.
//!
//! It shares its space W with StyleGAN2. As published, its synthesis takes one code in W, which
//! modulates many layers; here every modulated layer gets a code of its own, so that the input is W+.

pub mod openvino;

use super::Error;
use crate::checkpoint::openvino::{Layer, Model};
use crate::graph::{Graph, Value};

/// What error messages call these networks.
const MAPPING: &str = "the mapping network of the community generator";
const SYNTHESIS: &str = "the synthesis network of the community generator";

/// The most modulated layers; the published network has 23.
const ROW_LIMIT: usize = 64;

/// The mapping network as a graph: input `z` `[1, n]`, standard normal; output `w` `[1, n]`.
///
/// # Errors
/// [`Error::OtherNetwork`] if the model is not of that form, [`Error::Layer`] if it cannot be converted.
pub fn mapping(model: &Model) -> Result<Graph, Error> {
    let other = |problem: &str| Error::OtherNetwork {
        expected: MAPPING,
        problem: problem.into(),
    };
    let latent_size = latent_size(model).ok_or_else(|| other("does not take one latent code"))?;
    let mut graph = Graph::new("mapping");
    let z = graph.input("z", &[1, latent_size])?;
    match openvino::append(&mut graph, model, &[z])?.as_slice() {
        [w] if graph.shape(*w) == [1, latent_size] => graph.output("w", *w)?,
        _ => return Err(other("does not yield one latent code")),
    }
    Ok(graph)
}

/// The synthesis network, with an own code for every modulated layer.
#[derive(Debug, Clone)]
pub struct Synthesis {
    /// The model, with one parameter a row of W+, in the order of the rows.
    model: Model,
    latent_size: usize,
    row_resolutions_px: Vec<usize>,
}

impl Synthesis {
    /// Takes the model apart: finds the layers that the code modulates, and puts them in order.
    ///
    /// # Errors
    /// [`Error::OtherNetwork`] if the model is not of the expected form.
    pub fn new(mut model: Model) -> Result<Self, Error> {
        let other = |problem: &str| Error::OtherNetwork {
            expected: SYNTHESIS,
            problem: problem.into(),
        };
        let latent_size =
            latent_size(&model).ok_or_else(|| other("does not take one latent code"))?;
        let modulations =
            modulations(&model).ok_or_else(|| other("uses its code without modulating"))?;
        let row_resolutions_px: Vec<usize> = modulations.iter().map(|m| m.resolution_px).collect();
        if !row_resolutions_px.is_sorted() || row_resolutions_px.is_empty() {
            return Err(other("does not go from coarse to fine"));
        }
        separate(&mut model, &modulations);
        Ok(Self {
            model,
            latent_size,
            row_resolutions_px,
        })
    }

    /// For each row of W+, coarse to fine, the height in pixels of the activations that it modulates.
    pub fn row_resolutions_px(&self) -> &[usize] {
        &self.row_resolutions_px
    }

    /// Appends the network: `codes` `[rows, n]` in W+ → picture `[1, 3, height, width]`, RGB, nominally
    /// in [-1, 1].
    ///
    /// # Errors
    /// [`Error::Graph`] if `codes` has another shape, [`Error::Layer`] if a layer cannot be converted.
    pub fn append(&self, graph: &mut Graph, codes: Value) -> Result<Value, Error> {
        let rows = graph.split(codes, 0, &vec![1; self.row_resolutions_px.len()])?;
        match openvino::append(graph, &self.model, &rows)?.as_slice() {
            [image] if matches!(graph.shape(*image), [1, 3, _, _]) => Ok(*image),
            _ => Err(Error::OtherNetwork {
                expected: SYNTHESIS,
                problem: "does not yield one RGB picture".into(),
            }),
        }
    }

    /// The network alone: input `codes` `[rows, n]`, output `image`.
    ///
    /// # Errors
    /// As [`Synthesis::append`].
    pub fn graph(&self) -> Result<Graph, Error> {
        let mut graph = Graph::new("synthesis");
        let codes = graph.input("codes", &[self.row_resolutions_px.len(), self.latent_size])?;
        let image = self.append(&mut graph, codes)?;
        graph.output("image", image)?;
        Ok(graph)
    }
}

/// The length of the code, if the model takes just one.
fn latent_size(model: &Model) -> Option<usize> {
    match openvino::parameters(model).as_slice() {
        [parameter] => match model.layers[*parameter].results.as_slice() {
            [shape] => match shape.as_slice() {
                [1, latent_size] => Some(*latent_size),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// A layer that reads the code.
struct Modulation {
    /// Index of the layer.
    reader: usize,
    /// Index of the layer in which what was made of the code meets the activations.
    meeting: usize,
    /// Height of those activations.
    resolution_px: usize,
}

/// All modulations, in the order in which they take effect.
fn modulations(model: &Model) -> Option<Vec<Modulation>> {
    let needed = openvino::needed(model);
    let reads = |layer: &Layer, from: &[bool]| layer.data_operands().iter().any(|o| from[o.layer]);
    let mut is_code = vec![false; model.layers.len()];
    openvino::parameters(model)
        .into_iter()
        .for_each(|parameter| is_code[parameter] = true);

    let readers = model.layers.iter().enumerate();
    let readers = readers.filter(|(index, layer)| needed[*index] && reads(layer, &is_code));
    let readers: Vec<_> = readers.take(ROW_LIMIT + 1).collect();
    if readers.len() > ROW_LIMIT {
        return None;
    }
    let modulation = |(reader, _): (usize, &Layer)| {
        // Follow the code until it has an extent in space, as only activations have.
        let mut is_style = vec![false; model.layers.len()];
        is_style[reader] = true;
        let rest = model.layers.iter().enumerate().skip(reader + 1);
        for (index, layer) in rest.filter(|(index, _)| needed[*index]) {
            if reads(layer, &is_style) {
                is_style[index] = true;
                if let [shape] = layer.results.as_slice()
                    && let [_, _, height, _] = *shape.as_slice()
                    && height > 1
                {
                    return Some(Modulation {
                        reader,
                        meeting: index,
                        resolution_px: height,
                    });
                }
            }
        }
        None
    };
    let mut modulations = readers
        .into_iter()
        .map(modulation)
        .collect::<Option<Vec<_>>>()?;
    modulations.sort_by_key(|modulation| modulation.meeting);
    Some(modulations)
}

/// Gives every modulation a parameter of its own, in place of the shared one.
fn separate(model: &mut Model, modulations: &[Modulation]) {
    let shared = openvino::parameters(model);
    let first_own = modulations.len();
    let own: Vec<Layer> = (shared.iter().flat_map(|index| model.layers.get(*index)))
        .flat_map(|layer| std::iter::repeat_n(layer, modulations.len()).cloned())
        .collect();
    for layer in &mut model.layers {
        layer
            .operands
            .iter_mut()
            .for_each(|operand| operand.layer += first_own);
    }
    for (row, modulation) in modulations.iter().enumerate() {
        for operand in &mut model.layers[modulation.reader].operands {
            if shared
                .iter()
                .any(|index| operand.layer == index + first_own)
            {
                operand.layer = row;
            }
        }
    }
    // The shared parameter now feeds nothing but shapes.
    for index in shared {
        model.layers[index].kind = "Shape".into();
    }
    model.layers.splice(0..0, own);
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;
    use crate::checkpoint::openvino::{Constant, Operand};

    fn layer(kind: &str, operands: &[usize], shape: &[usize]) -> Layer {
        let attributes = match kind {
            "Convolution" => "strides=1,1 pads_begin=0,0 pads_end=0,0 dilations=1,1",
            "ConvolutionBackpropData" => "strides=2,2 pads_begin=0,0 pads_end=0,0 dilations=1,1",
            _ => "",
        };
        Layer {
            name: kind.into(),
            kind: kind.into(),
            attributes: (attributes.split(' '))
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            operands: operands
                .iter()
                .map(|layer| Operand {
                    layer: *layer,
                    result: 0,
                })
                .collect(),
            results: if kind == "Result" {
                vec![]
            } else {
                vec![shape.to_vec()]
            },
            constant: (kind == "Const").then(|| Constant::F32(ArrayD::ones(IxDyn(shape)))),
        }
    }

    /// A generator of 8 px with a latent size of 5 and 3 channels. As in the published network, the
    /// code's readers are listed from fine to coarse, and shapes are computed from the code as well.
    fn generator() -> Model {
        let layers = vec![
            layer("Parameter", &[], &[1, 5]),
            layer("ShapeOf", &[0], &[2]),
            layer("Const", &[], &[5, 3]),
            layer("MatMul", &[0, 2], &[1, 3]),
            layer("Reshape", &[3, 1], &[1, 3, 1, 1]),
            layer("MatMul", &[0, 2], &[1, 3]),
            layer("Reshape", &[5, 1], &[1, 3, 1, 1]),
            layer("MatMul", &[0, 2], &[1, 3]),
            layer("Reshape", &[7, 1], &[1, 3, 1, 1]),
            layer("Const", &[], &[1, 3, 4, 4]),
            layer("Multiply", &[8, 9], &[1, 3, 4, 4]),
            layer("Const", &[], &[3, 3, 1, 1]),
            layer("Convolution", &[10, 11], &[1, 3, 4, 4]),
            layer("Multiply", &[6, 12], &[1, 3, 4, 4]),
            layer("Const", &[], &[3, 3, 2, 2]),
            layer("ConvolutionBackpropData", &[13, 14], &[1, 3, 8, 8]),
            layer("Multiply", &[4, 15], &[1, 3, 8, 8]),
            layer("Convolution", &[16, 11], &[1, 3, 8, 8]),
            layer("Result", &[17], &[]),
        ];
        Model {
            name: "generator".into(),
            layers,
        }
    }

    #[test]
    fn rows_run_from_coarse_to_fine() {
        let synthesis = Synthesis::new(generator()).unwrap();
        assert_eq!(synthesis.row_resolutions_px(), [4, 4, 8]);
    }

    #[test]
    fn every_row_reaches_its_own_layer() {
        let graph = Synthesis::new(generator()).unwrap().graph().unwrap();
        assert_eq!(graph.shape(graph.input_named("codes").unwrap()), [3, 5]);
        assert_eq!(
            graph.shape(graph.output_named("image").unwrap()),
            [1, 3, 8, 8]
        );
        let rows = &graph.nodes()[0].outputs;
        let users = |row: &Value| {
            let of_row = graph.nodes().iter().enumerate();
            of_row
                .filter(|(_, node)| node.inputs.contains(row))
                .map(|(index, _)| index)
                .collect::<Vec<_>>()
        };
        // MatMuls keep the order of the file, which is from fine to coarse.
        let matmul = |n: usize| {
            let indices = graph.nodes().iter().enumerate();
            indices
                .filter(|(_, node)| node.op.name() == "MatMul")
                .nth(n)
                .unwrap()
                .0
        };
        assert_eq!(users(&rows[0]), [matmul(2)]);
        assert_eq!(users(&rows[1]), [matmul(1)]);
        assert_eq!(users(&rows[2]), [matmul(0)]);
    }

    #[test]
    fn refuses_other_networks() {
        let mut two_codes = generator();
        two_codes.layers[2] = layer("Parameter", &[], &[5, 3]);
        let mut code_never_meets_a_picture = generator();
        code_never_meets_a_picture.layers[18].operands[0].layer = 3;
        let mut fine_to_coarse = generator();
        fine_to_coarse.layers[16].results[0] = vec![1, 3, 2, 8];
        for model in [two_codes, code_never_meets_a_picture, fine_to_coarse] {
            assert!(matches!(
                Synthesis::new(model),
                Err(Error::OtherNetwork { .. })
            ));
        }
        assert!(matches!(
            mapping(&generator()),
            Err(Error::OtherNetwork { .. })
        ));
    }

    #[test]
    fn refuses_a_code_that_modulates_too_much() {
        let mut model = generator();
        for _ in 0..ROW_LIMIT {
            let next = model.layers.len();
            model.layers.push(layer("Multiply", &[0, 0], &[1, 5]));
            model.layers.push(layer("Result", &[next], &[]));
        }
        assert!(matches!(
            Synthesis::new(model),
            Err(Error::OtherNetwork { .. })
        ));
    }

    #[test]
    fn mapping_keeps_the_size_of_the_code() {
        let layers = vec![
            layer("Parameter", &[], &[1, 5]),
            layer("Const", &[], &[5, 5]),
            layer("MatMul", &[0, 1], &[1, 5]),
            layer("Result", &[2], &[]),
        ];
        let graph = mapping(&Model {
            name: "mapping".into(),
            layers,
        })
        .unwrap();
        assert_eq!(graph.shape(graph.input_named("z").unwrap()), [1, 5]);
        assert_eq!(graph.shape(graph.output_named("w").unwrap()), [1, 5]);
    }
}

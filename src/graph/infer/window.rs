//! Shapes of what slides a window: convolutions and pooling.

use super::super::operator::{Conv, ConvTranspose, Pool};
use super::super::tensor::TensorType;
use super::{at_least_one, f32_only, image};

/// Shapes of operand and weights, and the length of the bias.
type ConvOperands = ([usize; 4], [usize; 4], Option<usize>);

/// Operand, weights and the length of the optional bias of a convolution, all `f32`.
fn conv_operands(inputs: &[&TensorType]) -> Result<ConvOperands, String> {
    let (x, weights, bias) = match inputs {
        [x, weights] => (x, weights, None),
        [x, weights, bias] => (x, weights, Some(bias)),
        _ => return Err("operand, weights and optionally a bias are needed".into()),
    };
    let bias = match bias
        .map(|bias| f32_only(bias).map(|bias| bias.shape.as_slice()))
        .transpose()?
    {
        None => None,
        Some(&[length]) => Some(length),
        Some(_) => return Err("the bias must have one axis".into()),
    };
    Ok((image(f32_only(x)?)?, image(f32_only(weights)?)?, bias))
}

/// No kernel, stride, dilation or pad is larger; sums and products of them cannot overflow.
const MAX_ATTRIBUTE: usize = 1 << 16;

fn check_attributes(numbers: impl IntoIterator<Item = usize>) -> Result<(), String> {
    match numbers.into_iter().find(|&number| number > MAX_ATTRIBUTE) {
        Some(number) => Err(format!(
            "{number} is more than any kernel, stride or pad can be"
        )),
        None => Ok(()),
    }
}

fn check_conv(attributes: &Conv, kernel: [usize; 2]) -> Result<(), String> {
    for number in attributes
        .strides
        .into_iter()
        .chain(attributes.dilations)
        .chain(kernel)
    {
        at_least_one(number, "stride, dilation and kernel size")?;
    }
    at_least_one(attributes.groups, "number of groups")?;
    let Conv {
        strides,
        pads,
        dilations,
        ..
    } = *attributes;
    check_attributes(
        kernel
            .into_iter()
            .chain(strides)
            .chain(dilations)
            .chain(pads),
    )
}

/// The extent covered by a dilated kernel.
pub(in super::super) fn dilated(kernel: usize, dilation: usize) -> usize {
    kernel
        .saturating_sub(1)
        .saturating_mul(dilation)
        .saturating_add(1)
}

fn windows(extent: usize, pads: [usize; 2], kernel: usize, stride: usize) -> Result<usize, String> {
    let padded = extent.saturating_add(pads[0]).saturating_add(pads[1]);
    match padded.checked_sub(kernel) {
        Some(room) => Ok(room / stride + 1),
        None => Err(format!(
            "the window of {kernel} does not fit into the padded extent {padded}"
        )),
    }
}

pub(super) fn conv(inputs: &[&TensorType], attributes: &Conv) -> Result<TensorType, String> {
    let ([n, c, h, w], [out, per_group, kh, kw], bias) = conv_operands(inputs)?;
    check_conv(attributes, [kh, kw])?;
    let Conv {
        strides,
        pads,
        dilations,
        groups,
    } = *attributes;
    if per_group.checked_mul(groups) != Some(c) || out % groups != 0 {
        return Err(format!(
            "weights for {per_group} channels in each of {groups} groups do not fit {c} channels in and {out} out"
        ));
    }
    if bias.is_some_and(|length| length != out) {
        return Err(format!(
            "the bias must have {out} elements, one per channel"
        ));
    }
    let height = windows(h, [pads[0], pads[2]], dilated(kh, dilations[0]), strides[0])?;
    let width = windows(w, [pads[1], pads[3]], dilated(kw, dilations[1]), strides[1])?;
    Ok(TensorType::f32([n, out, height, width]))
}

pub(super) fn conv_transpose(
    inputs: &[&TensorType],
    attributes: &ConvTranspose,
) -> Result<TensorType, String> {
    let ([n, c, h, w], [weights_in, per_group, kh, kw], bias) = conv_operands(inputs)?;
    check_conv(&attributes.conv, [kh, kw])?;
    let Conv {
        strides,
        pads,
        dilations,
        groups,
    } = attributes.conv;
    if weights_in != c || c % groups != 0 {
        return Err(format!(
            "weights for {weights_in} channels in {groups} groups do not fit {c} channels"
        ));
    }
    let out = per_group.saturating_mul(groups);
    if bias.is_some_and(|length| length != out) {
        return Err(format!(
            "the bias must have {out} elements, one per channel"
        ));
    }
    let extent = |extent: usize, kernel, pads: [usize; 2], axis: usize| {
        if attributes.output_padding[axis] >= strides[axis] {
            return Err("the output padding must be less than the stride".to_owned());
        }
        extent
            .checked_sub(1)
            .map(|steps| steps.saturating_mul(strides[axis]))
            .map(|full| {
                full.saturating_add(dilated(kernel, dilations[axis]))
                    .saturating_add(attributes.output_padding[axis])
            })
            .and_then(|full| full.checked_sub(pads[0].saturating_add(pads[1])))
            .filter(|&rest| rest > 0)
            .ok_or_else(|| "nothing is left of the result after cutting the pads".to_owned())
    };
    let height = extent(h, kh, [pads[0], pads[2]], 0)?;
    let width = extent(w, kw, [pads[1], pads[3]], 1)?;
    Ok(TensorType::f32([n, out, height, width]))
}

pub(super) fn pool(input: &TensorType, attributes: &Pool) -> Result<TensorType, String> {
    let [n, c, h, w] = image(f32_only(input)?)?;
    let Pool {
        kernel,
        strides,
        pads,
    } = *attributes;
    for number in kernel.into_iter().chain(strides) {
        at_least_one(number, "kernel size and stride")?;
    }
    check_attributes(kernel.into_iter().chain(strides))?;
    if pads[0].max(pads[2]) >= kernel[0] || pads[1].max(pads[3]) >= kernel[1] {
        return Err("the pads must be smaller than the window".into());
    }
    let height = windows(h, [pads[0], pads[2]], kernel[0], strides[0])?;
    let width = windows(w, [pads[1], pads[3]], kernel[1], strides[1])?;
    Ok(TensorType::f32([n, c, height, width]))
}

//! A look at an ONNX file before it is decoded, so that a hostile file cannot make the decoder
//! allocate without bound.
//!
//! Decoded, an empty message of two bytes takes a hundred or more. So everything that becomes a
//! structure of its own is counted first; the rest of the file (strings, numbers, weights) grows at
//! most eightfold.

use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::super::error::Error;
use super::refuse;

/// More structures (nodes, attributes, tensors, names) than any network of this program has.
const MAX_STRUCTURES: usize = 1 << 18;

/// The largest file read. Protocol buffers end at 2 GiB; the largest network here (VGG16 with
/// StyleGAN2) is well below 1.
const MAX_BYTES: usize = 1 << 30;

/// Message types of `onnx.proto` that hold other messages or repeated strings.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    /// Nothing in it is decoded to structures.
    Leaf,
}

impl Message {
    /// What a length-delimited field of this message decodes to, if it is a structure of its own.
    fn field(self, tag: u32) -> Option<Self> {
        match (self, tag) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Graph, 11 | 12) => Some(Self::ValueInfo),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::ValueInfo, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            (Self::Model, 8 | 25)
            | (Self::Graph, 5 | 15)
            | (Self::Node, 1 | 2)
            | (Self::Attribute, 5)
            | (Self::Shape, 1) => Some(Self::Leaf),
            _ => None,
        }
    }
}

/// Refuses files that are not protocol buffers, are too large, or hold too many structures.
pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_empty() {
        return refuse("the file is empty");
    }
    if bytes.len() > MAX_BYTES {
        return refuse(format!("the file is larger than {} MiB", MAX_BYTES >> 20));
    }
    let mut count = 0;
    match walk(bytes, Message::Model, &mut count) {
        Ok(()) if count > MAX_STRUCTURES => refuse(format!(
            "it has more than {MAX_STRUCTURES} nodes, attributes and tensors"
        )),
        Ok(()) => Ok(()),
        Err(error) => refuse(format!("the file is damaged or no ONNX file ({error})")),
    }
}

/// Counts the structures in a message; stops early when there are too many. Depth is bounded by
/// [`Message::field`].
fn walk(mut bytes: &[u8], message: Message, count: &mut usize) -> Result<(), DecodeError> {
    while !bytes.is_empty() && *count <= MAX_STRUCTURES {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        match message.field(tag) {
            Some(inner) if wire_type == WireType::LengthDelimited => {
                *count += 1;
                let length = decode_varint(&mut bytes)?;
                let content = usize::try_from(length)
                    .ok()
                    .and_then(|length| bytes.split_at_checked(length));
                let Some((content, rest)) = content else {
                    // The decoder words it better than we would.
                    return skip_field(
                        WireType::SixtyFourBit,
                        tag,
                        &mut &[][..],
                        DecodeContext::default(),
                    );
                };
                if inner != Message::Leaf {
                    walk(content, inner, count)?;
                }
                bytes = rest;
            }
            _ => skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?,
        }
    }
    Ok(())
}

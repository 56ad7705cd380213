//! Changes in an XMP packet (Adobe's "XMP Specification", parts 1 to 3; ISO 16684-1).
//!
//! A packet is an RDF document in XML, in a wrapper of processing instructions, with padding. It is
//! parsed to find where something stands, and changed in its text: whatever is not understood stays as it
//! was written, wrapper and padding too. A packet that cannot be parsed is never changed.

mod edits;
mod extended;

use roxmltree::{Attribute, Document, Node};

use edits::{Edits, declared, document};

pub(in crate::photo) use extended::{extension_guid, fitted, merged};

pub(in crate::photo) mod name {
    pub const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
    pub const XMP: &str = "http://ns.adobe.com/xap/1.0/";
    pub const MEDIA_MANAGEMENT: &str = "http://ns.adobe.com/xap/1.0/mm/";
    pub const EVENT: &str = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#";
    pub const NOTE: &str = "http://ns.adobe.com/xmp/note/";
    pub const RIGHTS: &str = "http://ns.adobe.com/xap/1.0/rights/";
    pub const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
    pub const TIFF: &str = "http://ns.adobe.com/tiff/1.0/";
    pub const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
    pub const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
    pub const GAIN_MAP: &str = "http://ns.adobe.com/hdr-gain-map/1.0/";
    pub const CAMERA: &str = "http://ns.google.com/photos/1.0/camera/";
    pub const CONTAINER: &str = "http://ns.google.com/photos/1.0/container/";
    pub const CONTAINER_ITEM: &str = "http://ns.google.com/photos/1.0/container/item/";
    pub const IPTC_CORE: &str = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/";
    pub const IPTC_EXTENSION: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
}

/// Changes a packet where there is one and where `change` has anything to change.
pub(in crate::photo) fn edit(
    packet: &mut Option<Vec<u8>>,
    change: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) {
    if let Some(changed) = packet.as_deref().and_then(change) {
        *packet = Some(changed);
    }
}

/// The packet for pixels that are upright and may change: `tiff:Orientation` is 1, thumbnails are gone, and
/// the size fields tell `size` where there is one. `None` when all that holds already.
pub(in crate::photo) fn made_upright(packet: &[u8], size: Option<(u32, u32)>) -> Option<Vec<u8>> {
    let (text, document) = document(packet)?;
    let mut edits = Edits::default();
    for node in document.descendants() {
        if is(node, name::XMP, "Thumbnails") {
            edits.remove(node.range());
        }
    }
    set_values(&document, &mut edits, |namespace, property| {
        match (namespace, property) {
            (name::TIFF, "Orientation") => Some("1".to_owned()),
            _ => size_field(namespace, property, size?),
        }
    });
    edits.applied(text)
}

/// The packet for pixels that are stored turned: `tiff:Orientation` is this, as EXIF counts, and the size fields
/// tell `size`. `None` when all that holds already.
pub(in crate::photo) fn made_turned(
    packet: &[u8],
    orientation: u8,
    size: (u32, u32),
) -> Option<Vec<u8>> {
    let (text, document) = document(packet)?;
    let mut edits = Edits::default();
    set_values(&document, &mut edits, |namespace, property| {
        match (namespace, property) {
            (name::TIFF, "Orientation") => Some(orientation.to_string()),
            _ => size_field(namespace, property, size),
        }
    });
    edits.applied(text)
}

/// The packet with size fields that tell this size. `None` when there are none, or they do.
pub(in crate::photo) fn with_size(packet: &[u8], size: (u32, u32)) -> Option<Vec<u8>> {
    let (text, document) = document(packet)?;
    let mut edits = Edits::default();
    set_values(&document, &mut edits, |namespace, property| {
        size_field(namespace, property, size)
    });
    edits.applied(text)
}

/// The packet with this length, in bytes, for the gain map in its list of pictures (Google's container). `None`
/// when it has no such list, or it says so.
pub(in crate::photo) fn with_gain_map_length(packet: &[u8], length: usize) -> Option<Vec<u8>> {
    const IS_MAP: &str = "GainMap";
    let (text, document) = document(packet)?;
    let length = length.to_string();
    let mut edits = Edits::default();
    for item in document.descendants() {
        let property = (name::CONTAINER_ITEM, "Semantic");
        if item.attribute(property) == Some(IS_MAP) {
            let attributes = item.attributes();
            for attribute in attributes
                .filter(|it| it.namespace() == Some(name::CONTAINER_ITEM) && it.name() == "Length")
            {
                edits.replace(attribute.range_value(), length.clone());
            }
        }
        let says_map = |it: Node<'_, '_>| {
            is(it, name::CONTAINER_ITEM, "Semantic") && it.text() == Some(IS_MAP)
        };
        if item.children().any(says_map) {
            let children = item.children();
            let lengths = children.filter(|it| is(*it, name::CONTAINER_ITEM, "Length"));
            for text in lengths.filter_map(|it| it.first_child()) {
                edits.replace(text.range(), length.clone());
            }
        }
    }
    edits.applied(text)
}

/// The packet of a file that holds nothing behind its picture: it promises no gain map, no video and no list of
/// parts, which viewers would look for. `None` when it does not.
pub(in crate::photo) fn without_parts(packet: &[u8]) -> Option<Vec<u8>> {
    let is_about_parts = |namespace: Option<&str>, property: &str| match namespace {
        Some(name::GAIN_MAP) => true,
        Some(name::CONTAINER) => property == "Directory",
        Some(name::CAMERA) => {
            property.starts_with("MotionPhoto") || property.starts_with("MicroVideo")
        }
        _ => false,
    };
    let (text, document) = document(packet)?;
    let mut edits = Edits::default();
    for description in descriptions(&document) {
        for attribute in description.attributes() {
            if is_about_parts(attribute.namespace(), attribute.name()) {
                edits.remove(edits::with_space_before(text, attribute.range()));
            }
        }
        for element in description.children().filter(Node::is_element) {
            if is_about_parts(element.tag_name().namespace(), element.tag_name().name()) {
                edits.remove(element.range());
            }
        }
    }
    edits.applied(text)
}

fn size_field(namespace: &str, property: &str, (width, height): (u32, u32)) -> Option<String> {
    match (namespace, property) {
        (name::TIFF, "ImageWidth") | (name::EXIF, "PixelXDimension") => Some(width.to_string()),
        (name::TIFF, "ImageLength") | (name::EXIF, "PixelYDimension") => Some(height.to_string()),
        _ => None,
    }
}

/// Sets simple properties of the photo for which `wanted` has a value.
fn set_values(
    document: &Document<'_>,
    edits: &mut Edits,
    wanted: impl Fn(&str, &str) -> Option<String>,
) {
    for description in descriptions(document) {
        for attribute in description.attributes() {
            let value = wanted(attribute.namespace().unwrap_or_default(), attribute.name());
            if let Some(value) = value.filter(|value| value != attribute.value()) {
                edits.replace(attribute.range_value(), value);
            }
        }
        for element in description.children().filter(Node::is_element) {
            let tag = element.tag_name();
            let value = wanted(tag.namespace().unwrap_or_default(), tag.name());
            let text = element.first_child().filter(Node::is_text);
            if let (Some(value), Some(text)) = (value, text)
                && text.text().is_some_and(|text| text.trim() != value)
            {
                edits.replace(text.range(), value);
            }
        }
    }
}

/// The packet without the place where the photo was taken or what it shows: GPS fields of any schema, and
/// the city, country and location fields of Photoshop and IPTC. `None` when it tells none.
///
/// # Errors
/// When the packet cannot be parsed.
pub(in crate::photo) fn without_place(packet: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
    let (text, document) = document(packet).ok_or(Unreadable)?;
    let mut edits = Edits::default();
    for node in document.descendants().filter(Node::is_element) {
        let tag = node.tag_name();
        if tells_place(tag.namespace().unwrap_or_default(), tag.name()) {
            edits.remove(node.range());
        }
        for attribute in node.attributes() {
            if tells_place(attribute.namespace().unwrap_or_default(), attribute.name()) {
                edits.remove(edits::with_space_before(text, attribute.range()));
            }
        }
    }
    Ok(edits.applied(text))
}

/// A packet that cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::photo) struct Unreadable;

fn tells_place(namespace: &str, property: &str) -> bool {
    let lower = property.to_ascii_lowercase();
    match namespace {
        name::PHOTOSHOP => matches!(property, "City" | "State" | "Country"),
        name::IPTC_CORE => matches!(property, "Location" | "CountryCode"),
        name::IPTC_EXTENSION => property.starts_with("Location"),
        _ => ["gps", "latitude", "longitude"]
            .iter()
            .any(|word| lower.contains(word)),
    }
}

/// A new packet with nothing but author and rights; `None` when this one names neither.
pub(in crate::photo) fn credits(packet: &[u8]) -> Option<Vec<u8>> {
    let (text, document) = document(packet)?;
    let is_wanted = |namespace: &str, property: &str| match namespace {
        name::DUBLIN_CORE => matches!(property, "creator" | "rights"),
        name::TIFF => matches!(property, "Artist" | "Copyright"),
        name::RIGHTS => true,
        _ => false,
    };
    let mut content = String::new();
    for description in descriptions(&document) {
        let attributes: Vec<Attribute<'_, '_>> = description
            .attributes()
            .filter(|it| is_wanted(it.namespace().unwrap_or_default(), it.name()))
            .collect();
        for attribute in attributes {
            let written = text.get(attribute.range())?;
            content += &format!(
                "<rdf:Description rdf:about=\"\"{} {written}/>\n",
                declared(description, "")
            );
        }
        for element in description.children().filter(Node::is_element) {
            let tag = element.tag_name();
            if is_wanted(tag.namespace().unwrap_or_default(), tag.name()) {
                content += &in_description(text, element)?;
            }
        }
    }
    (!content.is_empty()).then(|| new_packet(&content).into_bytes())
}

/// A property in a description of its own, with the namespaces that it stands under.
fn in_description(text: &str, property: Node<'_, '_>) -> Option<String> {
    Some(format!(
        "<rdf:Description rdf:about=\"\"{}>{}</rdf:Description>\n",
        declared(property, ""),
        text.get(property.range())?,
    ))
}

/// The packet with one more entry in its history: edited, by this program. A new packet where there is
/// none; `None` where one cannot be parsed.
///
/// The entry names no time, so that the same photo and settings make the same file.
pub(in crate::photo) fn with_history(packet: Option<&[u8]>, agent: &str) -> Option<Vec<u8>> {
    let entry = |declarations: &str| {
        format!(
            "<rdf:li{declarations} rdf:parseType=\"Resource\"><stEvt:action>edited</stEvt:action>\
             <stEvt:softwareAgent>{agent}</stEvt:softwareAgent><stEvt:changed>/</stEvt:changed></rdf:li>"
        )
    };
    // What a description declares, not what an entry does: ImageMagick's parser stumbles over the latter.
    let history = format!(
        "<rdf:Description rdf:about=\"\" xmlns:rdf=\"{}\" xmlns:xmpMM=\"{}\" xmlns:stEvt=\"{}\">\
         <xmpMM:History><rdf:Seq>{}</rdf:Seq></xmpMM:History></rdf:Description>\n",
        name::RDF,
        name::MEDIA_MANAGEMENT,
        name::EVENT,
        entry(""),
    );
    let Some(packet) = packet else {
        return Some(new_packet(&history).into_bytes());
    };
    let (text, document) = document(packet)?;
    let sequence = descriptions(&document)
        .flat_map(|description| description.children())
        .filter(|node| is(*node, name::MEDIA_MANAGEMENT, "History"))
        .find_map(|node| node.children().find(|list| is(*list, name::RDF, "Seq")));
    let mut edits = Edits::default();
    match sequence {
        Some(list) => {
            let declarations: String = [("rdf", name::RDF), ("stEvt", name::EVENT)]
                .into_iter()
                .filter(|(prefix, uri)| list.lookup_namespace_uri(Some(*prefix)) != Some(*uri))
                .map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\""))
                .collect();
            edits.append(text, list, entry(&declarations))?;
        }
        None => edits.append(text, rdf(&document)?, history)?,
    }
    edits.applied(text)
}

/// A packet around some descriptions, which may use the prefix `rdf`.
fn new_packet(descriptions: &str) -> String {
    format!(
        "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n{}\n<?xpacket end=\"w\"?>",
        new_document(descriptions)
    )
}

fn new_document(descriptions: &str) -> String {
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"{}\">\n{descriptions}</rdf:RDF></x:xmpmeta>",
        name::RDF
    )
}

/// Whether the history stands in this document.
pub(in crate::photo) fn has_history(packet: &[u8]) -> bool {
    document(packet).is_some_and(|(_, document)| {
        let mut nodes = document.descendants();
        nodes.any(|node| is(node, name::MEDIA_MANAGEMENT, "History"))
    })
}

fn is(node: Node<'_, '_>, namespace: &str, property: &str) -> bool {
    node.has_tag_name((namespace, property))
}

fn rdf<'a, 'input>(document: &'a Document<'input>) -> Option<Node<'a, 'input>> {
    let mut nodes = document.descendants();
    nodes.find(|node| is(*node, name::RDF, "RDF"))
}

/// The descriptions of the photo itself, not of what lies inside its properties.
fn descriptions<'a, 'input>(
    document: &'a Document<'input>,
) -> impl Iterator<Item = Node<'a, 'input>> {
    rdf(document)
        .into_iter()
        .flat_map(|rdf| rdf.children())
        .filter(|node| is(*node, name::RDF, "Description"))
}

#[cfg(test)]
#[path = "xmp/tests.rs"]
pub(in crate::photo) mod tests;

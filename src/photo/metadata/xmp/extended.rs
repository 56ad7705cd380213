//! Extended XMP: what a JPEG file's packet has no room for ("XMP Specification", part 3, 1.1.3.1).

use md5::{Digest, Md5};
use roxmltree::{Document, Node};

use super::edits::{Edits, declared, document, qualified_name, with_space_before};
use super::{descriptions, in_description, is, name, new_document, rdf};

const HAS_EXTENSION: &str = "HasExtendedXMP";

/// The name of the extension that a packet mentions: 32 letters.
pub(in crate::photo) fn extension_guid(packet: &[u8]) -> Option<String> {
    let (_, document) = document(packet)?;
    let guid = descriptions(&document).find_map(|description| {
        let attribute = description.attribute((name::NOTE, HAS_EXTENSION));
        attribute.or_else(|| {
            let mut children = description.children();
            children
                .find(|child| is(*child, name::NOTE, HAS_EXTENSION))?
                .text()
        })
    })?;
    let is_guid = guid.len() == 32 && guid.is_ascii();
    is_guid.then(|| guid.to_owned())
}

/// The packet with all that is in its extension. `None` where one of them cannot be parsed.
pub(in crate::photo) fn merged(packet: &[u8], extension: &[u8]) -> Option<Vec<u8>> {
    let (text, main) = document(packet)?;
    let (more_text, more) = document(extension)?;
    let mut edits = Edits::default();
    remove_note(text, &main, &mut edits);
    let mut content = String::new();
    for description in descriptions(&more) {
        let written = more_text.get(description.range())?;
        let name = qualified_name(written)?;
        let rest = written.get(1 + name.len()..)?;
        let start_tag = written.split('>').next()?;
        let rdf = match start_tag.contains(" xmlns:rdf=") {
            true => String::new(),
            false => format!(" xmlns:rdf=\"{}\"", super::name::RDF),
        };
        content += &format!("<{name}{rdf}{}{rest}\n", declared(description, start_tag));
    }
    edits.append(text, rdf(&main)?, content)?;
    edits.applied(text)
}

/// Takes the mention of an extension out.
fn remove_note(text: &str, main: &Document<'_>, edits: &mut Edits) {
    for description in descriptions(main) {
        let attributes = description.attributes();
        for note in attributes.filter(|it| (it.namespace(), it.name()) == NOTE_ATTRIBUTE) {
            edits.remove(with_space_before(text, note.range()));
        }
        for note in description.children() {
            if is(note, name::NOTE, HAS_EXTENSION) {
                edits.remove(note.range());
            }
        }
    }
}

const NOTE_ATTRIBUTE: (Option<&str>, &str) = (Some(name::NOTE), HAS_EXTENSION);

/// The packet in at most `limit` bytes, and the extension with what it then has no room for: padding goes
/// first, then the largest properties move. `None` where that is not enough.
pub(in crate::photo) fn fitted(packet: &[u8], limit: usize) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    if packet.len() <= limit {
        return Some((packet.to_vec(), None));
    }
    let unpadded = without_padding(packet);
    if unpadded.len() <= limit {
        return Some((unpadded, None));
    }
    let (text, main) = document(&unpadded)?;
    let mut properties: Vec<Node<'_, '_>> = descriptions(&main)
        .flat_map(|description| description.children())
        .filter(Node::is_element)
        .collect();
    properties.sort_by_key(|property| std::cmp::Reverse(property.range().len()));
    let note = |guid: &str| {
        format!(
            "<rdf:Description rdf:about=\"\" xmlns:rdf=\"{}\" xmlns:xmpNote=\"{}\" xmpNote:{HAS_EXTENSION}=\"{guid}\"/>\n",
            name::RDF,
            name::NOTE
        )
    };
    let mut edits = Edits::default();
    let mut length = text.len() + note(&"0".repeat(32)).len();
    let mut moved = String::new();
    for property in properties {
        if length <= limit {
            break;
        }
        length -= property.range().len();
        moved += &in_description(text, property)?;
        edits.remove(property.range());
    }
    if length > limit {
        return None;
    }
    let extension = new_document(&moved).into_bytes();
    let digest = Md5::digest(&extension);
    let guid: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    edits.append(text, rdf(&main)?, note(&guid))?;
    Some((edits.applied(text)?, Some(extension)))
}

/// The packet without the white space before the end of its wrapper, and without zeros after it.
fn without_padding(packet: &[u8]) -> Vec<u8> {
    let Some((text, _)) = document(packet) else {
        return packet.to_vec();
    };
    let Some((before, end)) = text.rsplit_once("<?xpacket end") else {
        return text.trim_end().into();
    };
    [before.trim_end(), "\n<?xpacket end", end.trim_end()]
        .concat()
        .into_bytes()
}

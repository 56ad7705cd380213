//! Changes in the text of a document, at places that its tree tells.

use std::ops::Range;

use roxmltree::{Document, Node, ParsingOptions};

/// A packet of more is not looked into.
const MOST_BYTES: usize = 32 << 20;
const MOST_NODES: u32 = 1_000_000;

/// The text of a packet and its tree; `None` for one that cannot be parsed. Padding of zeros after it,
/// as some writers leave it, is not part of the text.
pub(super) fn document(packet: &[u8]) -> Option<(&str, Document<'_>)> {
    if packet.len() > MOST_BYTES {
        return None;
    }
    let text = std::str::from_utf8(packet).ok()?.trim_end_matches('\0');
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    Some((text, Document::parse_with_options(text, options).ok()?))
}

/// Replacements in a text that do not overlap.
#[derive(Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    pub fn replace(&mut self, range: Range<usize>, with: String) {
        self.0.push((range, with));
    }

    pub fn remove(&mut self, range: Range<usize>) {
        self.replace(range, String::new());
    }

    /// Puts some text at the end of an element's content.
    pub fn append(&mut self, text: &str, element: Node<'_, '_>, content: String) -> Option<()> {
        let range = element.range();
        match end_tag_at(text, element) {
            Some(at) => self.replace(at..at, content),
            None => {
                // `<a b="c"/>` becomes `<a b="c">…</a>`.
                let written = text.get(range.clone())?;
                let open = written.strip_suffix("/>")?;
                let tag = qualified_name(written)?;
                self.replace(range.clone(), format!("{open}>{content}</{tag}>"));
            }
        }
        Some(())
    }

    /// The text with all changes, if there are any and the result can be parsed. What lies inside
    /// something that is removed goes with it.
    pub fn applied(mut self, text: &str) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        self.0
            .sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut changed = String::with_capacity(text.len());
        let mut done = 0;
        for (range, with) in self.0 {
            if range.start < done {
                continue;
            }
            changed += text.get(done..range.start)?;
            changed += &with;
            done = range.end;
        }
        changed += text.get(done..)?;
        let changed = changed.into_bytes();
        document(&changed).is_some().then_some(changed)
    }
}

/// Where the end tag of an element begins; `None` for one without.
fn end_tag_at(text: &str, element: Node<'_, '_>) -> Option<usize> {
    let range = element.range();
    let written = text.get(range.clone())?;
    match written.ends_with("/>") && !element.has_children() {
        true => None,
        false => Some(range.start + written.rfind("</")?),
    }
}

/// The name in a start tag, with its prefix.
pub(super) fn qualified_name(written: &str) -> Option<&str> {
    let name = written.strip_prefix('<')?;
    let end = name.find(|c: char| c.is_whitespace() || c == '/' || c == '>')?;
    name.get(..end)
}

/// Declarations of the namespaces that an element stands under, as attributes, without those that
/// `start_tag` declares itself. Those of XML and RDF are taken as known.
pub(super) fn declared(element: Node<'_, '_>, start_tag: &str) -> String {
    let mut declarations = String::new();
    for namespace in element.namespaces() {
        let attribute = match namespace.name() {
            Some("xml") => continue,
            Some(prefix) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        let is_new = !start_tag.contains(&format!(" {attribute}="));
        if is_new && namespace.uri() != super::name::RDF {
            let uri = namespace.uri().replace('&', "&amp;").replace('"', "&quot;");
            declarations += &format!(" {attribute}=\"{uri}\"");
        } else if is_new && namespace.name() != Some("rdf") {
            declarations += &format!(" {attribute}=\"{}\"", super::name::RDF);
        }
    }
    declarations
}

/// The range with the white space before it.
pub(super) fn with_space_before(text: &str, range: Range<usize>) -> Range<usize> {
    let before = text.get(..range.start).unwrap_or_default();
    before.trim_end().len()..range.end
}

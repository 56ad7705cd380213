//! What the HTML pages have in common.

use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The style of all pages; each has some of its own beside it.
pub(super) const STYLE: &str = include_str!("page.css");

/// What to say of a run that did not come to its end.
pub(super) fn interrupted(is_interrupted: bool) -> &'static str {
    match is_interrupted {
        true => "<p class=\"failed\">Interrupted: only what was done until then is here.</p>\n",
        false => "",
    }
}

/// A section with what failed; nothing where nothing did.
pub(super) fn failed(causes: impl Iterator<Item = impl Display>) -> String {
    let items = causes.map(|cause| format!("<li>{}</li>\n", escaped(&cause.to_string())));
    let items: String = items.collect();
    match items.is_empty() {
        true => String::new(),
        false => {
            format!("<section>\n<h2 class=\"failed\">Failed</h2>\n<ul>\n{items}</ul>\n</section>\n")
        }
    }
}

/// The address of a picture that stands in the page itself.
pub(super) fn jpeg_address(jpeg: &[u8]) -> String {
    format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg))
}

/// Text that can be put anywhere in the page.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(
            escaped("<img src=x onerror='a()'>&\"ü"),
            "&lt;img src=x onerror=&#39;a()&#39;&gt;&amp;&quot;ü"
        );
    }
}

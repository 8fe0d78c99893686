//! Labels with subscripts and superscripts: `τ_{α}/t_{0}`, `10^{−2}`.
//!
//! Braces are required, scripts do not nest, and what does not parse is shown
//! as it stands: a label never fails.

use std::fmt::Write as _;

/// Where a piece of a label stands relative to the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Script {
    /// On the baseline.
    None,
    /// Subscript.
    Below,
    /// Superscript.
    Above,
}

/// Size of a script relative to the surrounding text.
const SCRIPT_SIZE: f64 = 0.72;

impl Script {
    /// The shift of the baseline, downwards, in units of the font size.
    fn shift(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Below => 0.22,
            Self::Above => -0.36,
        }
    }
}

/// Splits a label into pieces at its scripts.
fn pieces(label: &str) -> Vec<(Script, &str)> {
    let mut pieces = Vec::new();
    let mut rest = label;
    let mut plain = 0;
    while let Some(offset) = rest[plain..].find(['_', '^']) {
        let start = plain + offset;
        let script = if rest[start..].starts_with('_') {
            Script::Below
        } else {
            Script::Above
        };
        let content = rest[start + 1..].strip_prefix('{');
        if let Some((content, after)) = content.and_then(|text| text.split_once('}')) {
            pieces.push((Script::None, &rest[..start]));
            pieces.push((script, content));
            rest = after;
            plain = 0;
        } else {
            plain = start + 1;
        }
    }
    pieces.push((Script::None, rest));
    pieces.retain(|(_, text)| !text.is_empty());
    pieces
}

/// Makes text safe inside XML and HTML elements and attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            // XML has no way to write these at all.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            control if control.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// The label as the content of an SVG `text` element of this font size.
///
/// Scripts are shifted with `dy`, because Firefox ignores `baseline-shift`.
pub(super) fn svg(label: &str, size: f64) -> String {
    let mut content = String::new();
    let mut shift = 0.0;
    for (script, text) in pieces(label) {
        let text = escape(text);
        let down = (script.shift() - shift) * size;
        shift = script.shift();
        // Writing to a string cannot fail.
        let _ = if script != Script::None {
            let size = SCRIPT_SIZE * size;
            write!(
                content,
                r#"<tspan dy="{down:.2}" font-size="{size:.2}">{text}</tspan>"#
            )
        } else if down != 0.0 {
            write!(content, r#"<tspan dy="{down:.2}">{text}</tspan>"#)
        } else {
            write!(content, "{text}")
        };
    }
    content
}

/// The label as HTML, with `sub` and `sup` elements.
pub(crate) fn html(label: &str) -> String {
    pieces(label)
        .into_iter()
        .map(|(script, text)| match script {
            Script::None => escape(text),
            Script::Below => format!("<sub>{}</sub>", escape(text)),
            Script::Above => format!("<sup>{}</sup>", escape(text)),
        })
        .collect()
}

/// The label without markup, for readers that show plain text only.
pub(super) fn plain(label: &str) -> String {
    pieces(label).into_iter().map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::{escape, html, plain, svg};

    #[test]
    fn scripts_become_sub_and_sup() {
        assert_eq!(html("τ_{α}/t_{0}"), "τ<sub>α</sub>/t<sub>0</sub>");
        assert_eq!(html("a_{0}^{2}"), "a<sub>0</sub><sup>2</sup>");
        assert_eq!(plain("(ℓ̃a_{0})^{2}κ/T"), "(ℓ̃a0)2κ/T");
    }

    #[test]
    fn incomplete_markup_is_shown_as_it_stands() {
        for text in ["e_IS", "a_{0", "x^", "_", "^{", "}{", "snake_case_name"] {
            assert_eq!(html(text), text);
        }
        assert_eq!(html("a_b_{c}"), "a_b<sub>c</sub>");
    }

    #[test]
    fn the_baseline_returns_after_a_script() {
        assert_eq!(
            svg("a_{0}^{2}b", 10.0),
            "a<tspan dy=\"2.20\" font-size=\"7.20\">0</tspan>\
             <tspan dy=\"-5.80\" font-size=\"7.20\">2</tspan>\
             <tspan dy=\"3.60\">b</tspan>"
        );
    }

    #[test]
    fn markup_of_the_page_is_escaped() {
        assert_eq!(
            escape("<a href=\"x\">'&\u{0}</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\u{fffd}&lt;/a&gt;"
        );
        assert_eq!(html("x_{<b>}"), "x<sub>&lt;b&gt;</sub>");
        assert_eq!(svg("a < b", 10.0), "a &lt; b");
    }
}

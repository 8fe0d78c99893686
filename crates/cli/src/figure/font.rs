//! The embedded font: widths of labels and rasters do not depend on the fonts
//! of the machine.

use super::label;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Node, Options, Text, Tree};
use std::sync::{Arc, OnceLock};

/// Name of the embedded family: it covers Greek, ℓ, combining accents and
/// mathematical signs.
const FAMILY: &str = "DejaVu Sans";

/// The families that an SVG file asks for, the embedded one first.
pub(super) const FAMILIES: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Parser options with the embedded font as the only one.
fn options() -> Options<'static> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = Database::new();
        fonts.load_font_source(Source::Binary(Arc::new(dejavu::sans::regular())));
        fonts.set_sans_serif_family(FAMILY);
        Arc::new(fonts)
    });
    Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::clone(fonts),
        ..Options::default()
    }
}

/// A label with the position of every glyph; `None` if there is nothing to see.
fn laid_out(label: &str, size: f64) -> Option<Box<Text>> {
    let content = label::svg(label, size);
    let document = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><text font-size="{size}">{content}</text></svg>"#
    );
    let tree = Tree::from_str(&document, &options()).ok()?;
    tree.root().children().iter().find_map(|node| match node {
        Node::Text(text) => Some(text.clone()),
        _ => None,
    })
}

/// Width of a label, in the unit of the font size.
pub(super) fn width(label: &str, size: f64) -> f64 {
    // Measured at one size: the width is proportional to the size, rounding is not.
    const REFERENCE: f64 = 100.0;
    let width = laid_out(label, REFERENCE).map_or(0.0, |text| text.bounding_box().width());
    f64::from(width) * size / REFERENCE
}

/// The largest size up to `size` at which the label is not wider than `room`.
pub(super) fn fitting_size(label: &str, size: f64, room: f64) -> f64 {
    let width = width(label, size);
    if width > room && room > 0.0 {
        size * room / width
    } else {
        size
    }
}

/// Renders an SVG document as a PNG file image of the given width in pixels.
///
/// # Errors
/// The message of the parser or the encoder.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size in pixels is a small positive number"
)]
pub(super) fn png(document: &str, pixels: u16) -> Result<Vec<u8>, String> {
    let tree = Tree::from_str(document, &options()).map_err(|error| error.to_string())?;
    let zoom = f32::from(pixels) / tree.size().width();
    let height = (tree.size().height() * zoom).round() as u32;
    let mut image = Pixmap::new(u32::from(pixels), height)
        .ok_or_else(|| format!("no image of {pixels} x {height} pixels"))?;
    resvg::render(
        &tree,
        Transform::from_scale(zoom, zoom),
        &mut image.as_mut(),
    );
    image.encode_png().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{fitting_size, laid_out, width};

    #[test]
    fn widths_are_those_of_the_font() {
        // Advance of "m" in DejaVu Sans: 1995 of 2048 units per em.
        let expected = 10.0 * 1995.0 / 2048.0;
        assert!((width("m", 10.0) - expected).abs() < 1e-3);
        assert!((width("mm", 20.0) - 4.0 * expected).abs() < 1e-3);
        assert!(width("a_{00}", 10.0) < width("a00", 10.0));
        assert!(width("", 10.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_symbols_of_glass_physics_have_glyphs() {
        let symbols = "ταβκλμσφωΔΓℓ⟨⟩₀₁₂⁰²³⁻−×·±≈≤≥∞∝→√∂∇κ̃ℓ̃t̂Åäé–—…";
        let text = laid_out(symbols, 10.0).expect("a text");
        let glyphs = text
            .layouted()
            .iter()
            .flat_map(|span| &span.positioned_glyphs);
        // Glyph 0 stands for a character that the font lacks.
        assert!(glyphs.clone().all(|glyph| glyph.id.0 != 0));
        assert!(glyphs.count() >= 40);
    }

    #[test]
    fn long_labels_shrink() {
        assert!((fitting_size("m", 10.0, 100.0) - 10.0).abs() < 1e-12);
        let size = fitting_size("mmmmmmmmmm", 10.0, 50.0);
        assert!((width("mmmmmmmmmm", size) - 50.0).abs() < 1e-3);
    }
}

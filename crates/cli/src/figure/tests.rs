//! Whole figures: what they show, and that odd data cannot break them.

use super::{Axis, Color, Curve, Figure, FigureError, Panel, Point, Style, font};

/// A line through points.
fn line(label: &str, points: &[(f64, f64)]) -> Curve {
    let points = points.iter().copied();
    Curve::new(label, Style::Line, Color::Sequence(0), points)
}

/// A figure with these curves in one panel.
fn figure(x: Axis, y: Axis, curves: Vec<Curve>) -> Figure {
    let mut panel = Panel::new(x);
    panel.curves = curves;
    Figure::new("title", y).panel(panel)
}

/// A figure on linear axes.
fn linear(curves: Vec<Curve>) -> Figure {
    figure(Axis::linear("x"), Axis::linear("y"), curves)
}

/// A figure on logarithmic axes.
fn logarithmic(curves: Vec<Curve>) -> Figure {
    figure(Axis::logarithmic("x"), Axis::logarithmic("y"), curves)
}

/// The coordinates of all lines and polygons, x and y in turn.
fn coordinates(svg: &str) -> Vec<f64> {
    svg.split("points=\"")
        .skip(1)
        .flat_map(|rest| rest.split('"').next().unwrap().split([' ', ',']))
        .map(|number| number.parse().unwrap())
        .collect()
}

/// A pseudo-random number between 0 and 1.
fn scatter(index: u32) -> f64 {
    (43758.5453 * (12.9898 * f64::from(index)).sin()).rem_euclid(1.0)
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    let draw = || {
        let points: Vec<_> = (0..50).map(|k| (f64::from(k), scatter(k))).collect();
        let figure = linear(vec![line("a", &points), line("b", &points[..20])]);
        let svg = figure.svg().unwrap();
        let image = font::png(&svg, 400).unwrap();
        (svg, image)
    };
    assert_eq!(draw(), draw());
}

#[test]
fn figures_share_a_page_without_collisions() {
    let svg = linear(vec![line("a", &[(0.0, 0.0), (1.0, 1.0)])])
        .svg()
        .unwrap();
    assert!(svg.starts_with("<svg "));
    assert!(!svg.contains(" id=") && !svg.contains("url(#"));
}

#[test]
fn odd_values_interrupt_a_line() {
    let points = [
        (0.0, 0.0),
        (1.0, 1.0),
        (2.0, f64::NAN),
        (3.0, 3.0),
        (f64::INFINITY, 3.5),
        (4.0, 4.0),
        (5.0, 5.0),
    ];
    let svg = linear(vec![line("", &points)]).svg().unwrap();
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    let curve = Color::Sequence(0).code();
    let lines = svg.lines().filter(|line| line.contains(&curve));
    // (0,0)-(1,1) and (4,4)-(5,5); (3,3) has no neighbour.
    assert_eq!(lines.count(), 2);
}

#[test]
fn values_without_logarithm_are_left_out() {
    let curve = line(
        "a",
        &[
            (-1.0, 1.0),
            (0.0, 2.0),
            (1.0, -2.0),
            (1.0, 1.0),
            (100.0, 10.0),
        ],
    );
    let svg = logarithmic(vec![curve]).svg().unwrap();
    assert!(svg.contains("10<tspan"));
    assert!(
        coordinates(&svg)
            .iter()
            .all(|number| (0.0..800.0).contains(number))
    );
}

#[test]
fn lone_points_and_equal_values_are_drawn() {
    for points in [&[(3.0, 5.0)][..], &[(3.0, 5.0), (3.0, 5.0)], &[(0.0, 0.0)]] {
        linear(vec![line("a", points)]).svg().unwrap();
    }
    let svg = logarithmic(vec![line("a", &[(3.0, 5.0)])]).svg().unwrap();
    assert!(
        svg.contains("<circle"),
        "a lone point of a line is a marker"
    );
}

#[test]
fn extreme_values_stay_on_the_canvas() {
    for points in [
        &[(0.0, 1e300), (1.0, -1e300), (2.0, 1.0)][..],
        &[(-1e149, 1e149), (1e149, -1e149)],
        &[(1.0, 1e-310), (2.0, 2e-310)],
        &[(1e9, 1.0), (1e9 + 1e-6, 1.0 + 1e-15)],
    ] {
        for figure in [
            linear(vec![line("a", points)]),
            logarithmic(vec![line("a", points)]),
        ] {
            let Ok(svg) = figure.svg() else { continue };
            let numbers = coordinates(&svg);
            assert!(numbers.iter().all(|number| (0.0..=800.0).contains(number)));
        }
    }
}

#[test]
fn nothing_to_draw_is_an_error_with_the_axis() {
    for curves in [
        vec![],
        vec![line("a", &[])],
        vec![line("a", &[(f64::NAN, 1.0)])],
    ] {
        let error = linear(curves).svg().unwrap_err();
        assert!(
            matches!(&error, FigureError::Empty { axis, .. } if axis == "y"),
            "{error}"
        );
    }
    let error = Figure::new("t", Axis::linear("y").range(0.0, 1.0)).svg();
    assert!(matches!(error, Err(FigureError::Empty { .. })), "no panel");
    let ranges = figure(
        Axis::linear("x").range(0.0, 1.0),
        Axis::linear("y").range(0.0, 1.0),
        vec![],
    );
    ranges.svg().expect("chosen ranges need no points");
}

#[test]
fn impossible_ranges_are_an_error_with_numbers() {
    let axis = Axis::logarithmic("time").range(0.0, 10.0);
    let error = figure(axis, Axis::linear("y"), vec![line("a", &[(1.0, 1.0)])])
        .svg()
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("\"time\"") && message.contains("from 0 to 10"),
        "{message}"
    );
}

#[test]
fn curves_end_at_the_frame() {
    let points: Vec<_> = (0..100)
        .map(|k| (f64::from(k), 100.0 * scatter(k) - 50.0))
        .collect();
    let figure = figure(
        Axis::linear("x").range(20.0, 30.0),
        Axis::linear("y").range(-1.0, 1.0),
        vec![line("", &points)],
    );
    let svg = figure.svg().unwrap();
    let frame = svg
        .lines()
        .find(|line| line.starts_with("<rect x="))
        .unwrap();
    let number = |name: &str| -> f64 {
        let rest = frame.split(&format!(" {name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let (left, right) = (number("x"), number("x") + number("width"));
    let (top, bottom) = (number("y"), number("y") + number("height"));
    for pair in coordinates(&svg).chunks(2) {
        assert!((left - 0.02..=right + 0.02).contains(&pair[0]), "{pair:?}");
        assert!((top - 0.02..=bottom + 0.02).contains(&pair[1]), "{pair:?}");
    }
}

#[test]
fn points_at_the_ends_of_a_range_are_shown() {
    let corners = [(0.1, 0.3), (0.7, 0.9), (0.1, 0.9), (0.7, 0.3)];
    let markers = Curve::new("", Style::Markers, Color::Gray, corners);
    let x = Axis::linear("x").range(0.1, 0.7);
    let y = Axis::linear("y").range(0.3, 0.9);
    let svg = figure(x, y, vec![markers]).svg().unwrap();
    assert_eq!(svg.matches("<circle").count(), 4);
}

#[test]
fn error_bars_widen_the_range_and_tolerate_anything() {
    let bar = |y: f64, low: f64, high: f64| Point::from((1.0, y)).interval(low, high);
    let markers = |points: Vec<Point>| Curve::new("", Style::Markers, Color::Sequence(0), points);
    let svg = linear(vec![markers(vec![bar(1.0, -9.0, 9.0)])])
        .svg()
        .unwrap();
    assert!(svg.contains(">−5<") && svg.contains(">5<"));
    let odd = vec![
        bar(1.0, f64::NEG_INFINITY, 2.0),
        bar(1.0, 0.5, f64::INFINITY),
        bar(1.0, 3.0, 2.0),
        bar(1.0, f64::NAN, 2.0),
        bar(2.0, -1.0, 4.0),
    ];
    for figure in [
        linear(vec![markers(odd.clone())]),
        logarithmic(vec![markers(odd)]),
    ] {
        let svg = figure.svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn the_legend_moves_out_when_it_would_cover_data() {
    let everywhere: Vec<_> = (0..400).map(|k| (scatter(k), scatter(k + 1000))).collect();
    let full = linear(vec![line("name", &everywhere)]);
    let free = linear(vec![line("name", &[(0.0, 0.0), (1.0, 1.0)])]);
    let width = |figure: &Figure| -> f64 {
        let svg = figure.svg().unwrap();
        let rest = svg.split("<rect x=").nth(1).unwrap();
        let rest = rest.split(" width=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    assert!(width(&full) < width(&free));
}

#[test]
fn endless_texts_leave_room_for_the_panels() {
    let long = "very long name ".repeat(50);
    let panel =
        || Panel::new(Axis::logarithmic(&*long)).curve(line(&long, &[(1.0, 0.0), (9.0, 1.0)]));
    let figure = Figure::new(&*long, Axis::linear(&*long))
        .panel(panel())
        .panel(panel());
    let svg = figure.svg().unwrap();
    for frame in svg.lines().filter(|line| line.starts_with("<rect x=")) {
        let width = frame.split(" width=\"").nth(1).unwrap();
        let width: f64 = width.split('"').next().unwrap().parse().unwrap();
        assert!(width > 200.0, "{frame}");
    }
}

#[test]
fn panels_share_the_vertical_axis_and_the_legend() {
    let panel = |label: &str| {
        Panel::new(Axis::linear(label)).curve(line("model", &[(0.0, 0.0), (1.0, 1.0)]))
    };
    let figure = Figure::new("two", Axis::linear("height"))
        .panel(panel("left"))
        .panel(panel("right"));
    let svg = figure.svg().unwrap();
    for (text, count) in [("left", 1), ("right", 1), ("height", 1), ("model", 1)] {
        assert_eq!(svg.matches(&format!(">{text}<")).count(), count, "{text}");
    }
    // Numbers below both panels, and once at the left.
    assert_eq!(
        svg.matches(">0.5<").count() + svg.matches(">0.4<").count(),
        3
    );
}

#[test]
fn both_files_are_written() {
    let folder = std::env::temp_dir().join(format!("vitreous-figure-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let figure = linear(vec![line("τ_{α} < & >", &[(0.0, 0.0), (1.0, 1.0)])]);
    let [svg, png] = figure.write(&folder, "demo").unwrap();
    assert!(
        std::fs::read_to_string(svg)
            .unwrap()
            .contains("&lt; &amp; &gt;")
    );
    let image = std::fs::read(png).unwrap();
    assert_eq!(&image[..8], b"\x89PNG\r\n\x1a\n");
    // The width is the first number of the header.
    assert_eq!(u32::from_be_bytes(image[16..20].try_into().unwrap()), 1600);
    std::fs::remove_dir_all(&folder).unwrap();
    let error = figure.write(&folder, "demo").unwrap_err();
    assert!(matches!(error, FigureError::Write { .. }));
}

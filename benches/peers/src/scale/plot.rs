//! The plots of the cost curves, and their steepest slopes.

use plotters::prelude::*;

use super::Servers;
use super::curves::{CURVES, Curve, Point, file, read};
use super::report::{Bar, Table, figure};

const SIZE: (u32, u32) = (640, 400);

/// The drivers and the colors of their lines.
const DRIVERS: [(&str, RGBColor); 2] =
    [("ours", RGBColor(31, 119, 180)), ("scylla", RGBColor(255, 127, 14))];

/// Maximum slope on logarithmic axes: linear, and a tenth for noise.
const BAR: f64 = 1.1;

pub fn table(filter: &str, _: &Servers) -> Result<usize, String> {
    let title = "Steepest slope of a cost curve between neighbouring sizes: 1 is linear.";
    let columns = ["curve", "cost", "ours", "between", "scylla", "between"];
    let names = CURVES.iter().map(|curve| curve.name.to_owned());
    let Some(mut table) = Table::new(title, &columns, filter, names) else { return Ok(0) };
    for curve in CURVES.iter().filter(|curve| curve.name.contains(filter)) {
        let points = read(curve.name)?;
        draw(curve, &points).map_err(|error| format!("{}: {error}", curve.name))?;
        let slopes = [0, 1].map(|driver| steepest(&points, driver));
        let cells = slopes.map(|(slope, [from, to])| {
            format!("{} | {} to {}", figure(slope, 2), figure(from, 0), figure(to, 0))
        });
        let cells = [[curve.cost.to_owned()].as_slice(), &cells].concat();
        table.row(curve.name, &cells, &[Bar::ratio(slopes[0].0, BAR)]);
    }
    Ok(table.missed())
}

/// Returns the steepest slope on logarithmic axes between neighbouring points, and the sizes of these points.
fn steepest(points: &[Point], driver: usize) -> (f64, [f64; 2]) {
    let slopes = points.windows(2).map(|pair| {
        let (from, to) = (pair[0], pair[1]);
        let cost = to.costs[driver] / from.costs[driver];
        (cost.ln() / (to.size / from.size).ln(), [from.size, to.size])
    });
    slopes.max_by(|one, other| one.0.total_cmp(&other.0)).unwrap_or((f64::NAN, [f64::NAN; 2]))
}

/// Draws a curve into its SVG file. Both axes are logarithmic, so that a linear cost has the slope of the grey line.
fn draw(curve: &Curve, points: &[Point]) -> Result<(), Box<dyn std::error::Error>> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err("the curve has no points".into());
    };
    let file = file(curve.name, "svg");
    let area = SVGBackend::new(&file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let linear = first.costs[0] * last.size / first.size;
    let costs = points.iter().flat_map(|point| point.costs).chain([linear]);
    let (low, high) =
        costs.fold((f64::MAX, f64::MIN), |(low, high), cost| (low.min(cost), high.max(cost)));
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (first.size..last.size).log_scale(),
            (low / 1.5..high * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc(curve.size)
        .y_desc(curve.cost)
        .x_label_formatter(&|size| format!("{size}"))
        .y_label_formatter(&|cost| format!("{cost}"))
        .draw()?;
    let ends = [(first.size, first.costs[0]), (last.size, linear)];
    let grey = RGBColor(160, 160, 160);
    let path = move |color: RGBColor| move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color);
    chart.draw_series(LineSeries::new(ends, grey))?.label("linear").legend(path(grey));
    for (driver, (name, color)) in DRIVERS.into_iter().enumerate() {
        let line = points.iter().map(|point| (point.size, point.costs[driver]));
        let series = LineSeries::new(line, color.stroke_width(2)).point_size(3);
        chart.draw_series(series)?.label(name).legend(path(color));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).draw()?;
    area.present()?;
    Ok(())
}

//! The picture of a run: throughput and latency second by second, and how the latencies are distributed.

use super::measurements::{Class, Measurements};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const SIZE: (u32, u32) = (900, 960);
/// The last share of the operations that the distribution shows.
const LAST_SHARE: f64 = 0.9999;

type Sheet<'picture> = DrawingArea<SVGBackend<'picture>, Shift>;

/// Draws the run into `file`.
pub fn draw(measurements: &Measurements, title: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let sheet = SVGBackend::new(file, SIZE).into_drawing_area();
    sheet.fill(&WHITE)?;
    let sheet = sheet.titled(title, ("sans-serif", 20))?;
    let [throughput, latency, distribution] = &sheet.split_evenly((3, 1))[..] else {
        return Ok(());
    };
    draw_throughput(measurements, throughput)?;
    draw_latency(measurements, latency)?;
    draw_distribution(measurements, distribution)?;
    sheet.present()?;
    Ok(())
}

fn draw_throughput(measurements: &Measurements, sheet: &Sheet<'_>) -> Result<(), Box<dyn Error>> {
    let points: Vec<(f64, f64)> = points(measurements, |second| second.operations as f64);
    let top = highest(&points);
    let mut chart = ChartBuilder::on(sheet)
        .caption("operations a second", ("sans-serif", 15))
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..last(&points), 0.0..top * 1.1)?;
    chart.configure_mesh().x_desc("seconds").draw()?;
    chart.draw_series(LineSeries::new(points, BLUE.stroke_width(2)))?;
    Ok(())
}

fn draw_latency(measurements: &Measurements, sheet: &Sheet<'_>) -> Result<(), Box<dyn Error>> {
    let median = points(measurements, |second| second.median.as_secs_f64() * 1e3);
    let p99 = points(measurements, |second| second.p99.as_secs_f64() * 1e3);
    let top = highest(&p99);
    let mut chart = ChartBuilder::on(sheet)
        .caption(
            "latency in milliseconds: median and 99th percentile",
            ("sans-serif", 15),
        )
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..last(&p99), 0.0..top * 1.1)?;
    chart.configure_mesh().x_desc("seconds").draw()?;
    for (points, colour, name) in [(median, BLUE, "median"), (p99, RED, "p99")] {
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
    }
    chart.configure_series_labels().background_style(WHITE).draw()?;
    Ok(())
}

/// Each class's latencies by the share of operations that took no longer.
fn draw_distribution(measurements: &Measurements, sheet: &Sheet<'_>) -> Result<(), Box<dyn Error>> {
    let classes: Vec<&Class> = measurements
        .classes
        .iter()
        .filter(|class| class.succeeded() > 0 && class.is_judged)
        .collect();
    let highest = classes
        .iter()
        .map(|class| class.quantile(LAST_SHARE).as_secs_f64() * 1e3)
        .fold(0.002, f64::max);
    let mut chart = ChartBuilder::on(sheet)
        .caption(
            "latency in milliseconds, by share of the operations",
            ("sans-serif", 15),
        )
        .margin(10)
        .x_label_area_size(30)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..100.0_f64, (0.001..highest * 1.5).log_scale())?;
    chart.configure_mesh().x_desc("percent").draw()?;
    for (index, class) in classes.into_iter().enumerate() {
        let colour = Palette99::pick(index).to_rgba();
        let points = (0..=1_000).map(|step| {
            let share = (f64::from(step) / 1_000.0).min(LAST_SHARE);
            (share * 100.0, (class.quantile(share).as_secs_f64() * 1e3).max(0.001))
        });
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(class.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .draw()?;
    Ok(())
}

fn points(measurements: &Measurements, value: impl Fn(&super::measurements::Second) -> f64) -> Vec<(f64, f64)> {
    measurements
        .seconds
        .iter()
        .enumerate()
        .map(|(second, counted)| (second as f64, value(counted)))
        .collect()
}

fn highest(points: &[(f64, f64)]) -> f64 {
    points.iter().map(|(_, value)| *value).fold(0.001, f64::max)
}

fn last(points: &[(f64, f64)]) -> f64 {
    points.last().map_or(1.0, |(second, _)| second.max(1.0))
}

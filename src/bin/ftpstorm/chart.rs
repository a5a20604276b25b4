//! The chart of a run: throughput and latency for each second, and the distribution of the latencies.
//!
//! Each second is drawn as a flat step from its beginning to its end. A last second that is too short to mean anything
//! is left out. A second in which no operation ended has no latency: the line has a gap. Legends are beside the plot.

use crate::measurements::{Class, Measurements, Second};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;
use std::time::Duration;

const SIZE: (u32, u32) = (900, 960);
/// Width of the column for legends.
const LEGEND_WIDTH: u32 = 150;
/// The last share of the operations that the distribution shows.
const LAST_SHARE: f64 = 0.9999;
/// A last second shorter than this is not drawn: scaled to a full second it would be noise.
const SHORTEST: Duration = Duration::from_millis(500);

type Sheet<'picture> = DrawingArea<SVGBackend<'picture>, Shift>;
/// The beginning, the end and the value of one second.
type PlottedSecond = (f64, f64, f64);

/// Draws the run into `file`.
pub fn draw(measurements: &Measurements, title: &str, file: &Path) -> Result<(), Box<dyn Error>> {
    let sheet = SVGBackend::new(file, SIZE).into_drawing_area();
    sheet.fill(&WHITE)?;
    let sheet = sheet.titled(title, ("sans-serif", 20))?;
    let [throughput, latency, distribution] = &sheet.split_evenly((3, 1))[..] else {
        return Ok(());
    };
    let seconds = &measurements.seconds;
    let rates = steps(seconds, |second| {
        Some(second.operations as f64 / second.length.as_secs_f64())
    });
    draw_seconds(throughput, "operations a second", &[("all operations", BLUE, rates)])?;
    let latencies = |value: fn(&Second) -> Duration| {
        steps(seconds, |second| {
            (second.operations > 0).then(|| value(second).as_secs_f64() * 1e3)
        })
    };
    let series = [
        ("median", BLUE, latencies(|second| second.median)),
        ("99th percentile", RED, latencies(|second| second.p99)),
    ];
    draw_seconds(latency, "latency in milliseconds", &series)?;
    draw_distribution(measurements, distribution)?;
    sheet.present()?;
    Ok(())
}

/// Series over time, from 0 on both axes.
fn draw_seconds(
    sheet: &Sheet<'_>,
    caption: &str,
    series: &[(&str, RGBColor, Vec<PlottedSecond>)],
) -> Result<(), Box<dyn Error>> {
    let (plot, legend) = sheet.split_horizontally(SIZE.0 - LEGEND_WIDTH);
    let all = || series.iter().flat_map(|(_, _, steps)| steps);
    let last = all().map(|(_, end, _)| *end).fold(1.0, f64::max);
    let top = all().map(|(_, _, value)| *value).fold(0.001, f64::max);
    let mut chart = builder(&plot, caption).build_cartesian_2d(0.0..last, 0.0..top * 1.1)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .max_light_lines(1)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .draw()?;
    for (_, colour, steps) in series {
        for line in unbroken(steps) {
            chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        }
    }
    draw_legend(
        &legend,
        series.iter().map(|(name, colour, _)| (*name, colour.to_rgba())),
    )
}

/// Latencies of each class, by the share of operations that took no longer.
fn draw_distribution(measurements: &Measurements, sheet: &Sheet<'_>) -> Result<(), Box<dyn Error>> {
    let (plot, legend) = sheet.split_horizontally(SIZE.0 - LEGEND_WIDTH);
    let classes: Vec<&Class> = measurements.judged().filter(|class| class.succeeded() > 0).collect();
    let milliseconds = |class: &Class, share| (class.quantile(share).as_secs_f64() * 1e3).max(0.001);
    let highest = classes.iter().map(|class| milliseconds(class, LAST_SHARE));
    let highest = highest.fold(0.002, f64::max) * 1.5;
    let lowest = classes.iter().map(|class| milliseconds(class, 0.0));
    let lowest = lowest.fold(highest / 3.0, f64::min) / 1.5;
    let caption = "latency in milliseconds, by share of the operations";
    let mut chart = builder(&plot, caption).build_cartesian_2d(0.0..100.0_f64, (lowest..highest).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("percent of the operations")
        .max_light_lines(1)
        .x_label_formatter(&label)
        .y_label_formatter(&label)
        .draw()?;
    let colour = |index| Palette99::pick(index).to_rgba();
    for (index, class) in classes.iter().enumerate() {
        let points = (0..=1_000).map(|step| {
            let share = (f64::from(step) / 1_000.0).min(LAST_SHARE);
            (share * 100.0, milliseconds(class, share))
        });
        chart.draw_series(LineSeries::new(points, colour(index).stroke_width(2)))?;
    }
    let names = classes
        .iter()
        .enumerate()
        .map(|(index, class)| (class.name, colour(index)));
    draw_legend(&legend, names)
}

/// A chart with a caption and room for the labels of its axes.
fn builder<'plot, 'picture>(
    plot: &'plot Sheet<'picture>,
    caption: &str,
) -> ChartBuilder<'plot, 'plot, SVGBackend<'picture>> {
    let mut builder = ChartBuilder::on(plot);
    builder.caption(caption, ("sans-serif", 15)).margin(10);
    builder.x_label_area_size(40).y_label_area_size(70);
    builder
}

/// A number on an axis, without trailing zeros.
fn label(value: &f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A line and a name for each series, one below the other.
fn draw_legend<'name>(
    sheet: &Sheet<'_>,
    series: impl Iterator<Item = (&'name str, RGBAColor)>,
) -> Result<(), Box<dyn Error>> {
    const TOP: i32 = 50;
    const LINE_HEIGHT: i32 = 20;
    for ((name, colour), y) in series.zip((TOP..).step_by(LINE_HEIGHT as usize)) {
        sheet.draw(&PathElement::new([(0, y), (20, y)], colour.stroke_width(2)))?;
        sheet.draw(&Text::new(name.to_owned(), (26, y - 6), ("sans-serif", 13)))?;
    }
    Ok(())
}

/// The seconds that can be drawn, and have a value.
fn steps(seconds: &[Second], value: impl Fn(&Second) -> Option<f64>) -> Vec<PlottedSecond> {
    let mut steps = Vec::new();
    let mut began = 0.0;
    for second in seconds {
        let end = began + second.length.as_secs_f64();
        // A run shorter than a second is drawn as it is.
        let is_drawn = second.length >= SHORTEST || (seconds.len() == 1 && !second.length.is_zero());
        if let (true, Some(value)) = (is_drawn, value(second)) {
            steps.push((began, end, value));
        }
        began = end;
    }
    steps
}

/// The points of each line: consecutive seconds belong to the same line.
fn unbroken(steps: &[PlottedSecond]) -> Vec<Vec<(f64, f64)>> {
    let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
    for (began, end, value) in steps {
        let points = [(*began, *value), (*end, *value)];
        match lines.last_mut() {
            Some(line) if line.last().is_some_and(|(before, _)| before >= began) => line.extend(points),
            Some(_) | None => lines.push(points.to_vec()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(milliseconds: u64, operations: u64) -> Second {
        Second {
            length: Duration::from_millis(milliseconds),
            operations,
            ..Second::default()
        }
    }

    fn rates(seconds: &[Second]) -> Vec<PlottedSecond> {
        steps(seconds, |second| {
            Some(second.operations as f64 / second.length.as_secs_f64())
        })
    }

    #[test]
    fn the_last_partial_second_is_no_drop() {
        let full = [second(1_000, 100), second(1_000, 100)];
        let drawn = [(0.0, 1.0, 100.0), (1.0, 2.0, 100.0)];
        assert_eq!(rates(&full), drawn);
        let empty = [&full[..], &[second(0, 0)]].concat();
        assert_eq!(rates(&empty), drawn);
        let short = [&full[..], &[second(20, 1)]].concat();
        assert_eq!(rates(&short), drawn);
        let longer = [&full[..], &[second(500, 50)]].concat();
        assert_eq!(rates(&longer)[2], (2.0, 2.5, 100.0));
        assert_eq!(rates(&[second(100, 5)]), [(0.0, 0.1, 50.0)], "all there is");
        assert_eq!(rates(&[second(0, 0)]), []);
    }

    #[test]
    fn a_second_in_which_nothing_ended_interrupts_the_latencies() {
        let seconds = [second(1_000, 1), second(1_000, 0), second(1_000, 1), second(1_000, 1)];
        let latencies = steps(&seconds, |second| (second.operations > 0).then_some(2.0));
        let lines = unbroken(&latencies);
        assert_eq!(
            lines,
            [
                vec![(0.0, 2.0), (1.0, 2.0)],
                vec![(2.0, 2.0), (3.0, 2.0), (3.0, 2.0), (4.0, 2.0)]
            ]
        );
    }
}

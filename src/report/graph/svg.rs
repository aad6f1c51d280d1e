//! The picture as one SVG file: for a report, a ticket, a printer.

use super::drawing::{Drawing, Px, draw};
use super::words;
use super::{Exporter, Shape};
use crate::graph::layout::{Picture, gist};
use crate::graph::network::Network;
use askama::Template;
use std::io::{self, Write};

/// Writes an SVG file.
pub(super) const EXPORTER: Exporter = Exporter {
    name: "svg",
    extension: "svg",
    doc: "a picture: any browser, a report, a printer",
    shape: Shape::File(write),
};

/// The picture alone; the page has it within.
#[derive(Template)]
#[template(path = "picture.svg")]
pub(super) struct Svg {
    pub(super) head: String,
    pub(super) notes: Vec<String>,
    pub(super) width: Px,
    pub(super) height: Px,
    /// Left and upper edge, and the size: the margins grow with the writing.
    pub(super) view: (Px, Px, Px, Px),
    pub(super) unit: f64,
    /// Whether it stands in a page, which has the style sheet and a head already.
    pub(super) inside: bool,
    pub(super) drawing: Drawing,
}

impl Svg {
    pub(super) fn of(network: &Network, picture: &Picture, inside: bool) -> Self {
        let drawing = draw(network, picture);
        let notes = notes(network, picture, &drawing);
        let unit = picture.unit;
        let (left, top, right, bottom) = drawing.room;
        let side = 24.0 * unit;
        // A small picture still has its head and notes beside it.
        let wide = (right - left).max(if inside { 0.0 } else { 720.0 * unit });
        let left = left - (wide - (right - left)) / 2.0 - side;
        let width = wide + 2.0 * side;
        let letters = (wide / (6.3 * unit)).max(20.0);
        let notes: Vec<String> = notes.iter().flat_map(|note| lines_of(note, letters)).collect();
        let lines = f64::from(u8::try_from(notes.len() + 1).unwrap_or(u8::MAX));
        let (above, below) =
            if inside { (side, side) } else { (side + 26.0 * unit, side + 17.0 * unit * lines) };
        let height = bottom - top + above + below;
        Self {
            head: words::whole(network),
            notes,
            width: Px(width / unit),
            height: Px(height / unit),
            view: (Px(left), Px(top - above), Px(width), Px(height)),
            unit,
            inside,
            drawing,
        }
    }

    /// Where the head begins.
    fn head_at(&self) -> (Px, Px) {
        (Px(self.view.0.0 + 24.0 * self.unit), Px(self.view.1.0 + 30.0 * self.unit))
    }

    fn size(&self, pixels: f64) -> Px {
        Px(pixels * self.unit)
    }

    fn note_at(&self, number: &usize) -> Px {
        let from_end = self.notes.len() - number;
        let line = 17.0 * self.unit * f64::from(u8::try_from(from_end).unwrap_or(u8::MAX));
        Px(self.view.1.0 + self.view.3.0 - line + 2.0 * self.unit)
    }
}

/// A note in lines of so many letters.
fn lines_of(note: &str, letters: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in note.split(' ') {
        match lines.last_mut() {
            Some(line)
                if f64::from(u32::try_from(line.len() + word.len()).unwrap_or(u32::MAX))
                    < letters =>
            {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What is not in the picture, and how to read it.
pub(super) fn notes(network: &Network, picture: &Picture, drawing: &Drawing) -> Vec<String> {
    let mut notes = Vec::new();
    if !picture.disks.is_empty() {
        notes.push(
            "Squares are ours, circles are others. Arrows run from who acts to whom it is done; \
             thicker: more often. Red rims and lines: graded high or critical."
                .to_owned(),
        );
    }
    if picture.left_out > 0 {
        let many = words::grouped(picture.left_out as u64);
        notes.push(format!("{many} nodes with the fewest neighbours are not drawn."));
    }
    if picture.beside > 0 {
        let many = words::grouped(picture.beside as u64);
        notes.push(format!(
            "{many} nodes that no incident and no campaign has are in the page (html) alone."
        ));
    }
    if drawing.lines_left > 0 {
        let many = words::grouped(drawing.lines_left as u64);
        notes.push(format!("{many} lines, of the least frequent, are not drawn."));
    }
    notes.extend(network.notes.iter().map(|note| words::edge(note)));
    notes
}

fn write(network: &Network, out: &mut dyn Write) -> io::Result<()> {
    let picture = gist(network);
    let svg = Svg::of(network, &picture, false);
    svg.write_into(&mut Plain(out)).map_err(io::Error::other)
}

/// A stream of bytes, for a template.
pub(super) struct Plain<'a>(pub(super) &'a mut dyn Write);

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

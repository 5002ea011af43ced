//! Aligned tables.

use super::paint::{Paint, Tone};
use std::fmt::Display;

/// Rows under headings, each column as wide as its widest cell.
#[derive(Clone, Debug)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// A cell: its text and its tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell of this text.
    pub fn new(text: impl Display) -> Self {
        Self { text: text.to_string(), tone: Tone::Plain }
    }

    /// A cell of this text, or a quiet dash where nothing is known.
    pub fn maybe<T: Display>(text: Option<T>) -> Self {
        text.map_or_else(|| Self::new("-").tone(Tone::Quiet), Self::new)
    }

    /// The cell in a tone.
    #[must_use]
    pub fn tone(mut self, tone: impl Into<Tone>) -> Self {
        self.tone = tone.into();
        self
    }
}

impl Table {
    /// A table with these headings.
    pub fn new<const N: usize>(headings: [&'static str; N]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The table as text, a line a row.
    pub fn render(&self, paint: Paint) -> String {
        let headings = self.headings.iter().map(|heading| Cell::new(heading).tone(Tone::Strong)).collect();
        let rows: Vec<&Vec<Cell>> = std::iter::once(&headings).chain(&self.rows).collect();
        let mut widths = vec![0; self.headings.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row.iter()) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        let mut text = String::new();
        for row in rows {
            let last = row.len().saturating_sub(1);
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                text.push_str(&paint.tone(cell.tone, &cell.text));
                if column != last {
                    text.extend(std::iter::repeat_n(' ', width - cell.text.chars().count() + 2));
                }
            }
            text.push('\n');
        }
        text
    }
}

//! Columns of text, aligned.

use super::{Style, shown};

/// A cell and how it is shown.
pub(super) type Paint = fn(Style, &str) -> String;

/// A table whose first row is its heads. The last column is not padded; empty columns are left out.
pub(super) struct Table {
    heads: Vec<(&'static str, Paint)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(heads: &[(&'static str, Paint)]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| shown(&cell)).collect());
    }

    /// The lines, each indented by two.
    pub(super) fn render(&self, style: Style) -> String {
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let width = |column: usize| {
            let widest = self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or_default();
            let head = self.heads.get(column).map_or(0, |(head, _)| head.chars().count());
            if widest == 0 { 0 } else { widest.max(head) }
        };
        let columns: Vec<(usize, usize)> =
            (0..self.heads.len()).map(|column| (column, width(column))).filter(|(_, width)| *width > 0).collect();
        let line = |paint: &dyn Fn(usize, &str) -> String, text: &dyn Fn(usize) -> String| {
            let mut line = String::from(" ");
            for (place, (column, width)) in columns.iter().enumerate() {
                let text = text(*column);
                let is_last = place + 1 == columns.len();
                let padding = if is_last { 0 } else { width.saturating_sub(text.chars().count()) };
                line.push_str(&format!(" {}{}", paint(*column, &text), " ".repeat(padding)));
                if !is_last {
                    line.push(' ');
                }
            }
            format!("{}\n", line.trim_end())
        };
        let head = line(&|_, text| style.dim(text), &|column| {
            self.heads.get(column).map(|(head, _)| (*head).to_owned()).unwrap_or_default()
        });
        let body = self.rows.iter().map(|row| {
            let paint = |column: usize, text: &str| match self.heads.get(column) {
                Some((_, paint)) => paint(style, text),
                None => text.to_owned(),
            };
            line(&paint, &|column| cell(row, column))
        });
        std::iter::once(head).chain(body).collect()
    }
}

/// A cell without colour.
pub(super) fn plain(_style: Style, text: &str) -> String {
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let mut table = Table::new(&[("id", plain), ("empty", plain), ("verdict", Style::verdict), ("why", plain)]);
        table.row(["a", "", "chosen", "first\nline"].map(str::to_owned));
        table.row(["long-id", "", "failed", "x"].map(str::to_owned));
        let expect = "  id       verdict  why\n  a        chosen   first line\n  long-id  failed   x\n";
        assert_eq!(table.render(Style::Plain), expect);
        assert!(table.render(Style::Coloured).contains("\u{1b}[32mchosen\u{1b}[0m   first line\n"));
    }
}

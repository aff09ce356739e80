//! The tables of the sections, with their bars.

/// A table that is printed row by row.
pub struct Table {
    missed: usize,
}

/// A maximum for a figure of ours.
pub struct Bar {
    /// The figure, as the table shows it. Empty if the row has one bar.
    pub name: &'static str,
    pub value: f64,
    pub max: f64,
}

impl Bar {
    pub fn new(name: &'static str, value: f64, max: f64) -> Self {
        Self { name, value, max }
    }

    /// The bar of a row with one bar, for the ratio of ours to scylla.
    pub fn ratio(value: f64, max: f64) -> Self {
        Self::new("", value, max)
    }

    /// The bars of figures of ours. Figures whose maximum is infinite have none.
    pub fn of_ours<const F: usize>(
        maxima: [(&'static str, f64); F],
        figures: [[f64; 2]; F],
    ) -> Vec<Self> {
        let bars = maxima.into_iter().zip(figures);
        let bars = bars.map(|((name, max), [ours, _])| Self::new(name, ours, max));
        bars.filter(|bar| bar.max.is_finite()).collect()
    }

    fn is_met(&self) -> bool {
        self.value <= self.max
    }
}

impl Table {
    /// Prints the head of a table, unless no row's name contains `filter`: returns `None` then.
    pub fn new(
        title: &str,
        columns: &[&str],
        filter: &str,
        mut names: impl Iterator<Item = String>,
    ) -> Option<Self> {
        if !names.any(|name| name.contains(filter)) {
            return None;
        }
        let columns = [columns, &["bar", ""]].concat();
        println!("\n{title}\n\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
        Some(Self { missed: 0 })
    }

    /// Prints a row and the verdict about its bars.
    pub fn row(&mut self, name: &str, cells: &[String], bars: &[Bar]) {
        let missed: Vec<_> = bars.iter().filter(|bar| !bar.is_met()).map(|bar| bar.name).collect();
        self.missed += missed.len();
        let verdict = match missed.len() {
            _ if bars.is_empty() => String::new(),
            0 => "ok".to_owned(),
            _ => format!("MISSED {}", missed.join(", ")).trim_end().to_owned(),
        };
        let bars = bars.iter().map(|bar| format!("{} {}", bar.name, bar.max).trim().to_owned());
        let bars = bars.collect::<Vec<_>>().join(", ");
        println!("| {name} | {} | {bars} | {verdict} |", cells.join(" | "));
    }

    /// Returns the number of bars that were missed.
    pub fn missed(&self) -> usize {
        self.missed
    }
}

/// Returns a figure with this number of decimals, or a dash if it does not exist.
pub fn figure(value: f64, decimals: usize) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.decimals$}") }
}

/// Returns the figures of two drivers in one cell.
pub fn pair([ours, scylla]: [f64; 2], decimals: usize) -> String {
    format!("{} / {}", figure(ours, decimals), figure(scylla, decimals))
}

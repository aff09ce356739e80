//! The layout of names and ranges.

/// Width of the lines, in characters.
const LINE_WIDTH: usize = 80;

/// Returns lines with names in columns, like cqlsh: as few lines as possible, sorted down the columns.
/// Two spaces stand between columns, and each column is as wide as its longest name. Returns the line
/// `<empty>` if there are no names.
pub(super) fn in_columns(names: &[String]) -> String {
    if names.is_empty() {
        return "<empty>\n".to_owned();
    }
    let widths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
    let columns = |rows: usize| -> Vec<usize> {
        widths.chunks(rows).map(|column| column.iter().copied().max().unwrap_or_default()).collect()
    };
    let fits = |widths: &[usize]| {
        widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1) <= LINE_WIDTH
    };
    let rows = (1..names.len()).find(|rows| fits(&columns(*rows))).unwrap_or(names.len());
    // Names in one column are not padded.
    let widths = if rows == names.len() { vec![0] } else { columns(rows) };
    lines((0..rows).map(|row| {
        let cells = names.iter().skip(row).step_by(rows).zip(&widths);
        let cells: Vec<_> = cells.map(|(name, width)| format!("{name:width$}")).collect();
        cells.join("  ")
    }))
}

/// Returns the line that stands above the names of a keyspace, underlined.
pub(super) fn head(keyspace: &str) -> String {
    let head = format!("Keyspace {keyspace}");
    format!("{head}\n{}\n", "-".repeat(head.chars().count()))
}

/// Returns the lines of DESCRIBE CLUSTER for the ranges of the ring: the last token of each range, and
/// the addresses of its replicas.
pub(super) fn ranges(owners: impl IntoIterator<Item = (String, Vec<String>)>) -> String {
    let owners = owners.into_iter();
    let owners = owners.map(|(token, replicas)| format!(" {token:>39}  [{}]", replicas.join(", ")));
    format!("Range ownership:\n{}\n", lines(owners))
}

/// Returns a text of lines.
fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        in_columns(&names)
    }

    #[test]
    fn names_fill_the_line_and_run_down_the_columns() {
        assert_eq!(printed(&[]), "<empty>\n");
        assert_eq!(printed(&["users"]), "users\n");
        assert_eq!(printed(&["a", "été", "c"]), "a  été  c\n");
        let keyspaces = [
            "system",
            "system_auth",
            "system_distributed",
            "system_schema",
            "system_traces",
            "system_views",
            "system_virtual_schema",
        ];
        // The last column is padded, too.
        let expected = "\
system       system_distributed  system_traces  system_virtual_schema
system_auth  system_schema       system_views \n";
        assert_eq!(printed(&keyspaces), expected);
        let long = ["x".repeat(50), "y".repeat(50)];
        assert_eq!(printed(&[&long[0], &long[1]]), format!("{}\n{}\n", long[0], long[1]));
    }
}

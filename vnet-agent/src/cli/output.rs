//! What commands print into: a writer that knows the format asked for.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use super::CliError;
use super::escape::{escaped, escaped_json};

/// The format of a command's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs and people: the same as JSON.
    Yaml,
    /// The table's cells, parted by tabs, without a header.
    Tsv,
}

/// Writes results in the format that was asked for.
pub struct Printer<'a> {
    out: Box<dyn Write + 'a>,
    format: Option<Format>,
    is_terminal: bool,
    error_color: bool,
}

impl<'a> Printer<'a> {
    /// Prints into `out`, in `format` where one was asked for. `error_color`: what goes to the standard error may have colour.
    pub fn new(out: impl Write + 'a, format: Option<Format>, is_terminal: bool, error_color: bool) -> Self {
        Self { out: Box::new(out), format, is_terminal, error_color }
    }

    /// The format of a result that is data: a table on a terminal, JSON elsewhere, unless one was asked for.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format.unwrap_or(if self.is_terminal { Format::Table } else { Format::Json })
    }

    /// The format of a result that is a report to a person: the same wherever it goes, unless one was asked for.
    #[must_use]
    pub fn report_format(&self) -> Format {
        self.format.unwrap_or(Format::Table)
    }

    /// Whether what goes to the standard error may have colour.
    #[must_use]
    pub fn error_color(&self) -> bool {
        self.error_color
    }

    /// Prints one line. Whatever is in it, it stays one, and a terminal does nothing but show it.
    ///
    /// # Errors
    /// The output could not be written; likewise below.
    pub fn line(&mut self, text: impl Display) -> Result<(), CliError> {
        Ok(writeln!(self.out, "{}", escaped(&text.to_string()))?)
    }

    /// Prints a text that has its own line ends, byte for byte: a file.
    ///
    /// # Errors
    /// As above.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        Ok(write!(self.out, "{text}")?)
    }

    /// Prints a table for people.
    ///
    /// # Errors
    /// As above.
    pub fn table(&mut self, table: &Table) -> Result<(), CliError> {
        Ok(write!(self.out, "{}", table.text())?)
    }

    /// Prints the cells of a result that is data: as a table, or parted by tabs where that was asked for.
    ///
    /// # Errors
    /// As above.
    pub fn cells(&mut self, table: &Table) -> Result<(), CliError> {
        let text = if self.format() == Format::Tsv { table.tsv() } else { table.text() };
        Ok(write!(self.out, "{text}")?)
    }

    /// Begins one of several results, parted from the one before: a fresh screen on a terminal, an empty line between tables
    /// elsewhere, the mark of a new document in YAML. JSON and TSV need none.
    ///
    /// # Errors
    /// As above.
    pub fn part(&mut self, is_first: bool) -> Result<(), CliError> {
        let mark = match self.format() {
            Format::Table if self.is_terminal => "\x1b[2J\x1b[H",
            _ if is_first => "",
            Format::Table => "\n",
            Format::Yaml => "---\n",
            Format::Json | Format::Tsv => "",
        };
        Ok(write!(self.out, "{mark}")?)
    }

    /// Prints a result that is data: `value` for programs, `table` for people.
    ///
    /// # Errors
    /// As above.
    pub fn show<T: Serialize>(&mut self, value: &T, table: impl FnOnce(&T) -> Table) -> Result<(), CliError> {
        self.show_as(self.format(), value, table)
    }

    /// Prints a result in a format that the caller has chosen.
    ///
    /// # Errors
    /// As above.
    pub fn show_as<T: Serialize>(
        &mut self,
        format: Format,
        value: &T,
        table: impl FnOnce(&T) -> Table,
    ) -> Result<(), CliError> {
        match format {
            Format::Table => write!(self.out, "{}", table(value).text())?,
            Format::Tsv => write!(self.out, "{}", table(value).tsv())?,
            Format::Json => {
                let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
                writeln!(self.out, "{}", escaped_json(&text))?;
            }
            Format::Yaml => {
                let text = serde_saphyr::to_string(value).map_err(CliError::failed)?;
                write!(self.out, "{text}")?;
                if !text.ends_with('\n') {
                    writeln!(self.out)?;
                }
            }
        }
        Ok(())
    }

    /// Hands over what was printed so far.
    ///
    /// # Errors
    /// As above.
    pub fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.out.flush()?)
    }
}

/// Rows under a header. No cell has anything in it that would act on a terminal, or end the cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    numbers: Vec<usize>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let header = header.into_iter().map(|name| escaped(&name.into()).into_owned()).collect();
        Self { header, rows: Vec::new(), numbers: Vec::new() }
    }

    /// Aligns these columns as numbers.
    #[must_use]
    pub fn numbers(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.numbers = columns.into_iter().collect();
        self
    }

    /// The rows of several tables under the header of the first.
    #[must_use]
    pub fn joined(tables: impl IntoIterator<Item = Self>) -> Self {
        let mut tables = tables.into_iter();
        let mut joined = tables.next().unwrap_or_default();
        joined.rows.extend(tables.flat_map(|table| table.rows));
        joined
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| escaped(&cell).into_owned()).collect());
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table for people, as `az` draws it: columns parted by two spaces, a rule under each header.
    #[must_use]
    pub fn text(&self) -> String {
        use comfy_table::CellAlignment;

        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        table.set_header(self.header.clone());
        table.add_rows(self.rows.iter().cloned());
        let rules: Vec<String> =
            table.column_max_content_widths().iter().map(|width| "-".repeat(usize::from(*width))).collect();
        let mut ruled = comfy_table::Table::new();
        ruled.load_style(comfy_table::presets::NOTHING);
        ruled.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        ruled.set_header(self.header.clone());
        ruled.add_row(rules);
        ruled.add_rows(self.rows.iter().cloned());
        for column in ruled.column_iter_mut() {
            column.set_padding((0, 2));
            if self.numbers.contains(&column.index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        ruled.trim_fmt() + "\n"
    }

    /// The cells alone, parted by tabs.
    #[must_use]
    pub fn tsv(&self) -> String {
        self.rows.iter().map(|row| row.join("\t") + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["Name", "Packets"]).numbers([1]);
        table.row(["hub-vm".to_owned(), "7".to_owned()]);
        table.row(["a".to_owned(), "1234567890".to_owned()]);
        table
    }

    #[test]
    fn a_table_parts_columns_by_two_spaces_and_ends_no_line_with_one() {
        let expected = "Name       Packets\n------  ----------\nhub-vm           7\na       1234567890\n";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn tsv_is_the_cells_alone() {
        assert_eq!(table().tsv(), "hub-vm\t7\na\t1234567890\n");
    }

    #[test]
    fn no_cell_or_line_acts_on_a_terminal_or_passes_for_several() {
        let mut table = Table::new(["Caller", "Resource"]);
        table.row(["user:eve".to_owned(), "/tokens/x\nuser:alice\t/subscriptions/blue\x1b[31m".to_owned()]);
        assert_eq!(table.tsv(), "user:eve\t/tokens/x\\nuser:alice\\t/subscriptions/blue\\u{1b}[31m\n");
        let text = table.text();
        let [header, _, row, ""] = text.split('\n').collect::<Vec<_>>()[..] else { panic!("{table:?}") };
        assert_eq!(header, "Caller    Resource");
        assert_eq!(row, r"user:eve  /tokens/x\nuser:alice\t/subscriptions/blue\u{1b}[31m");
        let mut bytes = Vec::new();
        let mut printer = Printer::new(&mut bytes, None, true, false);
        printer.line("NIC a: \x1b[2Jall is well\nNIC b").unwrap();
        printer.text("a: 1\nb: \"\t\"\n").unwrap();
        printer.show_as(Format::Json, &["\u{9b}2J"], |_| Table::default()).unwrap();
        drop(printer);
        let printed = String::from_utf8(bytes).unwrap();
        let lines =
            [r"NIC a: \u{1b}[2Jall is well\nNIC b", "a: 1", "b: \"\t\"", "[", r#"  "\u009b2J""#, "]", ""];
        assert_eq!(printed.split('\n').collect::<Vec<_>>(), lines);
    }

    #[test]
    fn data_is_a_table_on_a_terminal_and_json_elsewhere_while_reports_stay_text() {
        let printed = |format, is_terminal| {
            let mut bytes = Vec::new();
            let mut printer = Printer::new(&mut bytes, format, is_terminal, false);
            printer.show(&[1, 2], |_| table()).unwrap();
            let report = printer.report_format();
            drop(printer);
            (String::from_utf8(bytes).unwrap(), report)
        };
        assert_eq!(printed(None, true), (table().text(), Format::Table));
        assert_eq!(printed(None, false), ("[\n  1,\n  2\n]\n".to_owned(), Format::Table));
        assert_eq!(printed(Some(Format::Yaml), true), ("- 1\n- 2\n".to_owned(), Format::Yaml));
    }

    #[test]
    fn results_that_follow_one_another_are_parted_so_that_a_person_and_a_parser_tell_them_apart() {
        let two = |format, is_terminal| {
            let mut bytes = Vec::new();
            let mut printer = Printer::new(&mut bytes, Some(format), is_terminal, false);
            for number in 1..=2 {
                printer.part(number == 1).unwrap();
                printer.line(number).unwrap();
            }
            drop(printer);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(two(Format::Table, true), "\x1b[2J\x1b[H1\n\x1b[2J\x1b[H2\n");
        assert_eq!(two(Format::Table, false), "1\n\n2\n");
        assert_eq!(two(Format::Yaml, false), "1\n---\n2\n");
        assert_eq!(two(Format::Json, false), "1\n2\n");
    }
}

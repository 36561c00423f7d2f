//! `counters` and `drops`: what the program in the kernel has counted.
//!
//! Only an agent has counts. Asked of a file, both commands list what an agent would count, with no figures.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::source::Source;
use super::{CliError, CliResult, Format, Outcome, Printer, Table};
use crate::api::report::{Counters, Drops, NicCounters, PeeringCounters, Traffic};

#[derive(Debug, Args)]
pub(super) struct CountersArgs {
    #[command(flatten)]
    watch: Watch,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
pub(super) struct DropsArgs {
    /// Leave out the reasons that never came up
    #[arg(long)]
    non_zero: bool,
    #[command(flatten)]
    watch: Watch,
    #[command(flatten)]
    source: Source,
}

#[derive(Debug, Args)]
struct Watch {
    /// Print again every so many seconds, until interrupted
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "1",
        require_equals = true,
        value_parser = clap::value_parser!(u64).range(1..),
        conflicts_with = "file"
    )]
    watch: Option<u64>,
}

pub(super) fn counters(args: &CountersArgs, printer: &mut Printer<'_>) -> CliResult {
    repeat(&args.watch, printer, |printer| {
        let counters = match args.source.file {
            Some(_) => Counters::uncounted(&args.source.topology(printer)?),
            None => args.source.get("/counters")?,
        };
        show(&args.watch, printer, &counters, counters_tables)
    })
}

pub(super) fn drops(args: &DropsArgs, printer: &mut Printer<'_>) -> CliResult {
    repeat(&args.watch, printer, |printer| {
        let mut drops = match args.source.file {
            Some(_) => {
                args.source.topology(printer)?;
                Drops::uncounted()
            }
            None => args.source.get("/drops")?,
        };
        if args.non_zero {
            drops.drops.retain(|drop| drop.packets != Some(0));
        }
        show(&args.watch, printer, &drops, |drops| vec![drops_table(drops)])
    })
}

fn repeat(
    watch: &Watch,
    printer: &mut Printer<'_>,
    mut once: impl FnMut(&mut Printer<'_>) -> Result<(), CliError>,
) -> CliResult {
    let Some(seconds) = watch.watch else {
        once(printer)?;
        return Ok(Outcome::Done);
    };
    let mut is_first = true;
    loop {
        printer.part(std::mem::take(&mut is_first))?;
        once(printer)?;
        printer.flush()?;
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

/// Prints `value`; watched, as JSON on one line, so that a program reads line by line.
fn show<T: Serialize>(
    watch: &Watch,
    printer: &mut Printer<'_>,
    value: &T,
    tables: impl FnOnce(&T) -> Vec<Table>,
) -> Result<(), CliError> {
    match printer.format() {
        Format::Json if watch.watch.is_some() => {
            printer.line(serde_json::to_string(value).map_err(CliError::failed)?)
        }
        Format::Table => {
            for (index, table) in tables(value).into_iter().enumerate() {
                if index > 0 {
                    printer.line("")?;
                }
                printer.table(&table)?;
            }
            Ok(())
        }
        format => printer.show_as(format, value, |value| Table::joined(tables(value))),
    }
}

fn number(count: Option<u64>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| count.to_string())
}

fn traffic(traffic: Option<Traffic>) -> [String; 2] {
    [number(traffic.map(|traffic| traffic.packets)), number(traffic.map(|traffic| traffic.bytes))]
}

fn counters_tables(counters: &Counters) -> Vec<Table> {
    let header = ["Peering", "State", "Sent Packets", "Sent Bytes", "Received Packets", "Received Bytes"];
    let mut peerings = Table::new(header).numbers([2, 3, 4, 5]);
    for PeeringCounters { virtual_network, name, peering_state, sent, received, .. } in &counters.peerings {
        let ([sent_packets, sent_bytes], [received_packets, received_bytes]) =
            (traffic(*sent), traffic(*received));
        peerings.row([
            format!("{virtual_network}/{name}"),
            peering_state.clone(),
            sent_packets,
            sent_bytes,
            received_packets,
            received_bytes,
        ]);
    }
    let header =
        ["NIC", "Sent Packets", "Sent Bytes", "Received Packets", "Received Bytes", "Answered", "Dropped"];
    let mut nics = Table::new(header).numbers([1, 2, 3, 4, 5, 6]);
    for NicCounters { name, sent, received, answered, dropped, .. } in &counters.nics {
        let ([sent_packets, sent_bytes], [received_packets, received_bytes]) =
            (traffic(*sent), traffic(*received));
        nics.row([
            name.clone(),
            sent_packets,
            sent_bytes,
            received_packets,
            received_bytes,
            number(*answered),
            number(*dropped),
        ]);
    }
    vec![peerings, nics]
}

fn drops_table(drops: &Drops) -> Table {
    let mut table = Table::new(["Reason", "Packets", "Description"]).numbers([1]);
    for drop in &drops.drops {
        table.row([drop.reason.clone(), number(drop.packets), drop.description.clone()]);
    }
    table
}

//! The report: figures with their rounds and their machine, as JSON and as a table.

use std::fs;
use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde::{Deserialize, Serialize};

use super::measure::Rounds;
use super::scenario::{IpVersion, Scenario};

/// Everything that a bench found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Where it was measured.
    pub machine: Machine,
    /// One row for each size and version.
    pub rows: Vec<Row>,
    /// How long one packet takes in the program alone.
    pub program_ns: Vec<ProgramNs>,
    /// Runs that were repeated because another load had the CPU meanwhile.
    pub disturbed_runs: u32,
    /// The figures that have a bar.
    pub ratios: Ratios,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The kernel's release.
    pub kernel: String,
    /// The processor.
    pub processor: String,
    /// How many CPUs there are. One of them does the measured work.
    pub cpus: usize,
    /// Mitigations in force, by vulnerability; those that do not concern the processor left out.
    pub mitigations: Vec<(String, String)>,
}

/// The rates of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its size.
    #[serde(flatten)]
    pub scenario: Scenario,
    /// The version of the frames.
    pub version: IpVersion,
    /// Their length.
    pub frame_bytes: usize,
    /// A bare redirect.
    pub redirect: Rounds,
    /// The forwarder.
    pub forwarder: Rounds,
    /// Linux routing.
    pub linux_routing: Rounds,
    /// Forwarder over bare redirect: the median over the rounds.
    pub f_over_r: f64,
    /// Forwarder over Linux routing.
    pub f_over_k: f64,
}

/// Nanoseconds for a packet in the program, over many runs on one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgramNs {
    /// The version of the frame.
    pub version: IpVersion,
    /// The bare redirect, the least of all rounds.
    pub redirect: u64,
    /// The forwarder.
    pub forwarder: u64,
}

/// The figures that have a bar: the least of all rows that they are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ratios {
    /// Forwarder over bare redirect, IPv4, the most peerings measured.
    pub f_over_r: f64,
    /// The same for IPv6.
    pub f_over_r_ipv6: f64,
    /// Forwarder over Linux routing.
    pub f_over_k: f64,
}

impl Ratios {
    pub(super) fn of(rows: &[Row]) -> Self {
        let most = rows.iter().map(|row| row.scenario.peerings).max().unwrap_or(0);
        let least = |version: Option<IpVersion>, figure: fn(&Row) -> f64| {
            let rows = rows.iter().filter(|row| row.scenario.peerings == most);
            let rows = rows.filter(|row| version.is_none_or(|version| row.version == version));
            rows.map(figure).min_by(f64::total_cmp).unwrap_or(0.0)
        };
        Self {
            f_over_r: least(Some(IpVersion::V4), |row| row.f_over_r),
            f_over_r_ipv6: least(Some(IpVersion::V6), |row| row.f_over_r),
            f_over_k: least(None, |row| row.f_over_k),
        }
    }
}

impl Machine {
    /// This machine, with as many CPUs as given.
    pub(super) fn here(cpus: usize) -> Self {
        let read =
            |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        Self {
            kernel: read("/proc/sys/kernel/osrelease"),
            processor: processor.unwrap_or("unknown").to_owned(),
            cpus,
            mitigations: mitigations(),
        }
    }
}

fn mitigations() -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir("/sys/devices/system/cpu/vulnerabilities") else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let state = fs::read_to_string(entry.path()).ok()?.trim().to_owned();
            (state != "Not affected").then(|| (entry.file_name().to_string_lossy().into_owned(), state))
        })
        .collect();
    found.sort();
    found
}

impl Report {
    /// What stands above [`Self::cells`].
    pub const HEADER: [&str; 9] = [
        "Peerings",
        "Destinations",
        "Version",
        "Bytes",
        "R redirect",
        "F forwarder",
        "K Linux",
        "F/R",
        "F/K",
    ];

    /// The rows as text: rates in millions of packets a second, with their spread.
    pub fn cells(&self) -> impl Iterator<Item = [String; 9]> {
        let rate = |rounds: &Rounds| format!("{:.2} ({:.0} %)", rounds.median / 1e6, rounds.spread * 100.0);
        self.rows.iter().map(move |row| {
            [
                row.scenario.peerings.to_string(),
                row.scenario.destinations.to_string(),
                if row.version == IpVersion::V4 { "IPv4" } else { "IPv6" }.to_owned(),
                row.frame_bytes.to_string(),
                rate(&row.redirect),
                rate(&row.forwarder),
                rate(&row.linux_routing),
                format!("{:.3}", row.f_over_r),
                format!("{:.2}", row.f_over_k),
            ]
        })
    }

    /// Prints the report for people.
    ///
    /// # Errors
    /// `out` failed.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let Machine { kernel, processor, cpus, .. } = &self.machine;
        writeln!(out, "{processor}, {cpus} CPUs, one of them measured; Linux {kernel}")?;
        writeln!(out, "Millions of packets a second at the receiver, median (spread) of the rounds")?;
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(Self::HEADER);
        for cells in self.cells() {
            table.add_row(cells);
        }
        writeln!(out, "{table}")?;
        for ProgramNs { version, redirect, forwarder } in &self.program_ns {
            writeln!(
                out,
                "{version:?}, one destination, the program alone: redirect {redirect} ns, forwarder {forwarder} ns"
            )?;
        }
        let Ratios { f_over_r, f_over_r_ipv6, f_over_k } = self.ratios;
        writeln!(out, "Least F/R {f_over_r:.3}, IPv6 {f_over_r_ipv6:.3}; least F/K {f_over_k:.2}")?;
        writeln!(out, "Runs repeated because another load had the CPU: {}", self.disturbed_runs)
    }
}

//! `lab`: a namespace and a veth pair for each NIC whose declaration names no interface.

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::progress::Spinner;
use super::source::{block_on, from_file};
use super::{CliError, CliResult, Outcome, Printer, Table, join, matrix, not_found};
use crate::lab::{self, Removed, Rig, UpOptions};
use crate::model::{NicId, ResourceId, Topology};

#[derive(Debug, Subcommand)]
pub(super) enum LabCommand {
    /// Build the lab of a topology file
    Up(Up),
    /// Take the lab of a topology file down
    Down(LabFile),
    /// Run a command in a NIC's namespace
    Exec(Exec),
    /// Probe who reaches whom in the lab, beside what the rules say
    Matrix(LabFile),
}

#[derive(Debug, Args)]
pub(super) struct LabFile {
    /// The topology file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    lab: LabFile,
    /// The MTU of the NICs, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = UpOptions::default().mtu_bytes,
          value_parser = clap::value_parser!(u32).range(68..=65_535))]
    mtu: u32,
}

#[derive(Debug, Args)]
pub(super) struct Exec {
    #[command(flatten)]
    lab: LabFile,
    /// The NIC
    #[arg(short, long, value_name = "NAME")]
    nic: NicId,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<OsString>,
}

pub(super) fn run(command: &LabCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        LabCommand::Up(args) => up(args, printer),
        LabCommand::Down(lab) => down(&from_file(&lab.file, printer)?, printer),
        LabCommand::Exec(args) => match exec(args, printer)? {},
        LabCommand::Matrix(lab) => matrix::print(&from_file(&lab.file, printer)?, true, printer),
    }
}

/// A NIC of a lab, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NicView {
    name: String,
    namespace: String,
    interface: String,
    mac: String,
    addresses: Vec<String>,
}

fn up(args: &Up, printer: &mut Printer<'_>) -> CliResult {
    let topology = from_file(&args.lab.file, printer)?;
    let options = UpOptions { mtu_bytes: args.mtu };
    let spinner = Spinner::start("building the lab");
    let rig = block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let interrupted = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        lab::up_unless(&topology, &options, interrupted).await.map_err(CliError::failed)
    })??;
    drop(spinner);
    printer.show(&views(&topology, &rig), |views| {
        let mut table = Table::new(["NIC", "Namespace", "Interface", "MAC", "Addresses"]);
        for view in views {
            let (name, namespace) = (view.name.clone(), view.namespace.clone());
            table.row([name, namespace, view.interface.clone(), view.mac.clone(), join(&view.addresses)]);
        }
        table
    })?;
    Ok(Outcome::Done)
}

fn views(topology: &Topology, rig: &Rig) -> Vec<NicView> {
    let parts = rig.nics.iter().filter_map(|part| Some((part, topology.nic(&part.nic)?.1)));
    let view = |(part, nic): (&lab::RigNic, &crate::model::Nic)| NicView {
        name: part.nic.to_string(),
        namespace: part.namespace.clone(),
        interface: part.interface.clone(),
        mac: nic.mac().to_string(),
        addresses: nic.addresses().map(|address| address.to_string()).collect(),
    };
    parts.map(view).collect()
}

/// What went, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RemovedView {
    interfaces: Vec<String>,
    namespaces: Vec<String>,
    /// What has a lab's names and was made by no lab.
    left: Vec<String>,
}

fn down(topology: &Topology, printer: &mut Printer<'_>) -> CliResult {
    let spinner = Spinner::start("taking the lab down");
    let Removed { interfaces, namespaces, left } =
        block_on(lab::down(topology))?.map_err(CliError::failed)?;
    drop(spinner);
    printer.show(&RemovedView { interfaces, namespaces, left }, |view| {
        let mut table = Table::new(["Kind", "Name", "Result"]);
        for (kind, names, result) in [
            ("interface", &view.interfaces, "removed"),
            ("namespace", &view.namespaces, "removed"),
            ("-", &view.left, "left: no lab made it"),
        ] {
            for name in names {
                table.row([kind.to_owned(), name.clone(), result.to_owned()]);
            }
        }
        table
    })?;
    Ok(Outcome::Done)
}

fn exec(args: &Exec, printer: &Printer<'_>) -> Result<Infallible, CliError> {
    let topology = from_file(&args.lab.file, printer)?;
    let (_, nic) = topology.nic(&args.nic).ok_or_else(|| not_found(&ResourceId::Nic(args.nic.clone())))?;
    if let Some(interface) = nic.interface() {
        let message = format!("NIC {} is attached by {interface}: it is no NIC of a lab", args.nic);
        return Err(CliError::failed(message));
    }
    lab::exec(&args.nic, &args.command).map_err(CliError::failed)
}

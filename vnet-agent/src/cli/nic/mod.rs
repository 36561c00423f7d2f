//! `nic`: NICs, and the route table in force for one.

pub(super) mod routes;
mod write;

use std::collections::HashMap;
use std::net::IpAddr;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::args::{List, Show};
use super::reader::{Collection, Reader};
use super::resource::{self, Lists, Row};
use super::scope::Scoped;
use super::{CliError, CliResult, Format, Outcome, Printer, join};
use crate::api::report::Status;
use crate::api::resource_of;
use crate::daemon::NicStatus;
use crate::model::{NicId, ResourceId};

#[derive(Debug, Subcommand)]
pub(super) enum NicCommand {
    /// Create a NIC
    Create(write::Create),
    /// Change a NIC
    Update(write::Update),
    /// Delete a NIC; its interface is let go
    Delete(write::Delete),
    /// Show one NIC, with its interface and how attaching it went
    Show(Show<NicId>),
    /// List NICs, with their interfaces and how attaching them went
    List(List),
    /// Show the route table in force for a NIC
    ShowEffectiveRouteTable(Show<NicId>),
}

/// The row of a NIC.
#[derive(Debug, Deserialize)]
struct NicRow {
    id: String,
    name: String,
    properties: NicProperties,
    #[serde(default)]
    status: Option<Attachment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NicProperties {
    ip_configurations: Vec<IpConfiguration>,
    mac_address: String,
    host_interface: Option<String>,
}

/// Whether a NIC has an address of the family of `address`.
pub(super) fn can_send_to(nic: &Value, address: IpAddr) -> bool {
    let own = NicRow::deserialize(nic).map(|row| row.properties.ip_configurations).unwrap_or_default();
    let own = own.into_iter().filter_map(|one| one.properties.private_ip_address?.parse::<IpAddr>().ok());
    own.into_iter().any(|own| own.is_ipv4() == address.is_ipv4())
}

#[derive(Debug, Deserialize)]
struct IpConfiguration {
    properties: IpConfigurationProperties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IpConfigurationProperties {
    #[serde(rename = "privateIPAddress")]
    private_ip_address: Option<String>,
    subnet: Id,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: String,
}

/// How attaching a NIC's interface went. Told by an agent alone: a file knows of no interface's state.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Attachment {
    interface: Option<String>,
    state: String,
    notes: Vec<String>,
}

impl Row for NicRow {
    const HEADER: &'static [&'static str] =
        &["Name", "Subnet", "Addresses", "MAC", "Interface", "State", "Notes"];

    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn cells(self) -> Vec<String> {
        let NicProperties { ip_configurations, mac_address, host_interface } = self.properties;
        let subnet = ip_configurations.first().map(|first| subnet_name(&first.properties.subnet.id));
        let addresses = ip_configurations.iter().filter_map(|one| one.properties.private_ip_address.as_ref());
        let addresses = join(addresses);
        let (interface, state, notes) = match self.status {
            Some(Attachment { interface, state, notes }) => (interface, state, notes.join("; ")),
            None => (None, String::new(), String::new()),
        };
        let interface = interface.or(host_interface).unwrap_or_default();
        vec![self.name, subnet.unwrap_or_default(), addresses, mac_address, interface, state, notes]
    }
}

/// A subnet as it is typed: `VNET/SUBNET`, with the whole name of a network that is not in the default group.
fn subnet_name(id: &str) -> String {
    match resource_of(id) {
        Some(ResourceId::Subnet(vnet, subnet)) => format!("{vnet}/{subnet}"),
        _ => id.to_owned(),
    }
}

pub(super) fn run(command: &NicCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        NicCommand::Create(args) => write::create(args, printer)?,
        NicCommand::Update(args) => write::update(args, printer)?,
        NicCommand::Delete(args) => write::delete(args)?,
        NicCommand::Show(show) => {
            let id = show.name.within(&show.group.scope())?;
            let reader = show.source.reader(printer)?;
            let mut nic = reader.one(&ResourceId::Nic(id.clone()))?;
            put_status(&mut nic, &attachments(&reader)?);
            resource::show::<NicRow>(&nic, printer)?;
        }
        NicCommand::List(args) => list(args, printer)?,
        NicCommand::ShowEffectiveRouteTable(show) => routes::show(show, printer)?,
    }
    Ok(Outcome::Done)
}

fn list(args: &List, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let reader = args.source.reader(printer)?;
    let lists = reader.all(Collection::NetworkInterfaces, &args.group)?;
    let attachments = attachments(&reader)?;
    match printer.format() {
        format @ (Format::Table | Format::Tsv) => {
            let mut rows = lists.read::<NicRow>()?;
            for row in &mut rows {
                row.status = name_of(&row.id).and_then(|name| attachments.get(&name).cloned());
            }
            printer.cells(&resource::table(rows, format))
        }
        _ => {
            let mut nics = lists.read::<Value>()?;
            nics.iter_mut().for_each(|nic| put_status(nic, &attachments));
            resource::list::<NicRow>(Lists::Values(nics), printer)
        }
    }
}

/// What the agent says about the NICs' interfaces, by their names; nothing where a file was asked.
fn attachments(reader: &Reader) -> Result<HashMap<String, Attachment>, CliError> {
    let Reader::Agent(agent) = reader else { return Ok(HashMap::new()) };
    let status: Status = agent.get("/status")?;
    let attachment =
        |NicStatus { interface, state, notes, .. }| Attachment { interface, state: state.to_string(), notes };
    Ok(status.nics.into_iter().map(|nic| (nic.name.clone(), attachment(nic))).collect())
}

/// The NIC's name as the agent reports it.
fn name_of(id: &str) -> Option<String> {
    resource_of(id).and_then(NicId::of).map(|name| name.to_string())
}

/// Puts what is known of a NIC's interface beside its properties.
fn put_status(nic: &mut Value, attachments: &HashMap<String, Attachment>) {
    let name = nic.get("id").and_then(Value::as_str).and_then(name_of);
    if let Some(attachment) = name.and_then(|name| attachments.get(&name)) {
        nic["status"] = serde_json::json!(attachment);
    }
}

//! `role assignment`: who may do what, and where.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};

use super::agent::{Socket, note};
use super::resource::{self, Listed, Lists, Row, assignments, target};
use super::scope::{Group, Named};
use super::source::Source;
use super::{CliError, CliResult, Outcome, Printer};
use crate::api::Call;
use crate::model::access::{AccessScope, Grant, Principal, PrincipalError, Role};
use crate::model::{ResourceId, VnetId};

#[derive(Debug, Subcommand)]
pub(super) enum RoleCommand {
    /// Roles of users and groups
    #[command(subcommand)]
    Assignment(AssignmentCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum AssignmentCommand {
    /// Give a user or a group a role
    Create(Create),
    /// Take a role away
    Delete(Delete),
    /// List who has which role, and where
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Whom to give the role to: user:NAME, group:NAME, or a user's bare name
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    assignee: Principal,
    /// Owner, Contributor, "Network Contributor" or Reader
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// The name of the assignment [default: a GUID that follows from assignee, role and scope]
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    socket: Socket,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// From whom to take the role
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal, required_unless_present = "name")]
    assignee: Option<Principal>,
    /// The role to take [default: each that the assignee has in the very scope]
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// The name of the assignment
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["assignee", "role"])]
    name: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    socket: Socket,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only what this user or group has
    #[arg(long, value_name = "PRINCIPAL", value_parser = principal)]
    assignee: Option<Principal>,
    /// Only this role
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    source: Source,
}

/// Where a role holds.
#[derive(Debug, Args)]
struct Place {
    /// The scope: / for everything, /subscriptions/NAME, a resource group's or a virtual network's id [default: what
    /// --vnet-name, -g and --subscription say]
    #[arg(long, value_name = "SCOPE", conflicts_with = "vnet_name")]
    scope: Option<AccessScope>,
    /// The virtual network, as the scope
    #[arg(long, value_name = "VNET")]
    vnet_name: Option<Named<VnetId>>,
    #[command(flatten)]
    group: Group,
}

/// The row of a role assignment.
#[derive(Debug, Deserialize)]
struct AssignmentRow {
    name: String,
    properties: AssignmentProperties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentProperties {
    principal_id: Principal,
    role_definition_name: Role,
    scope: AccessScope,
}

impl Row for AssignmentRow {
    const HEADER: &'static [&'static str] = &["Principal", "Role", "Scope", "Name"];

    fn cells(self) -> Vec<String> {
        let AssignmentProperties { principal_id, role_definition_name, scope } = self.properties;
        vec![principal_id.to_string(), role_definition_name.to_string(), scope.to_string(), self.name]
    }
}

/// A user or a group; a bare name is a user's.
pub(super) fn principal(text: &str) -> Result<Principal, PrincipalError> {
    if text.contains(':') { text.parse() } else { format!("user:{text}").parse() }
}

impl Place {
    /// The scope; none where nothing names one.
    fn named(&self) -> Result<Option<AccessScope>, CliError> {
        let scope = self.group.scope();
        Ok(match (&self.scope, &self.vnet_name) {
            (Some(scope), _) => Some(scope.clone()),
            (None, Some(vnet)) => Some(AccessScope::Vnet(vnet.within(&scope)?)),
            (None, None) if self.group.resource_group.is_some() => Some(AccessScope::ResourceGroup(scope)),
            (None, None) => self.group.subscription.clone().map(AccessScope::Subscription),
        })
    }

    /// The scope; the subscription `default` where nothing names one.
    fn or_default(&self) -> Result<AccessScope, CliError> {
        Ok(self.named()?.unwrap_or_else(|| AccessScope::Subscription(self.group.scope().subscription)))
    }
}

pub(super) fn run(RoleCommand::Assignment(command): &RoleCommand, printer: &mut Printer<'_>) -> CliResult {
    match command {
        AssignmentCommand::Create(args) => create(args, printer)?,
        AssignmentCommand::Delete(args) => delete(args)?,
        AssignmentCommand::List(args) => list(args, printer)?,
    }
    Ok(Outcome::Done)
}

/// Not a creation that must be one: to give a role twice is to give it.
fn create(args: &Create, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let scope = args.place.or_default()?;
    let name = args.name.clone().unwrap_or_else(|| derived_name(&args.assignee, args.role, &scope));
    let body = json!({"properties": {"principalId": args.assignee, "roleDefinitionName": args.role}});
    let call = Call::put(target(&ResourceId::RoleAssignment(scope.into(), name)), &body);
    let created: Value = args.socket.agent()?.send(call)?.json()?;
    resource::show::<AssignmentRow>(&created, printer)
}

fn delete(args: &Delete) -> Result<(), CliError> {
    let scope = args.place.or_default()?;
    let agent = args.socket.agent()?;
    if let Some(name) = &args.name {
        return agent.delete(&ResourceId::RoleAssignment(scope.into(), name.clone()), "");
    }
    let Listed { value } = agent.get::<Listed<AssignmentRow>>(&assignments(&scope))?;
    let is_meant = |row: &AssignmentRow| {
        let AssignmentProperties { principal_id, role_definition_name, scope: here } = &row.properties;
        *here == scope
            && args.assignee.as_ref().is_some_and(|assignee| assignee == principal_id)
            && args.role.is_none_or(|role| role == *role_definition_name)
    };
    let meant: Vec<AssignmentRow> = value.into_iter().filter(is_meant).collect();
    if meant.is_empty() {
        note(format_args!("no such role assignment in scope {scope}; nothing to delete"));
    }
    for row in meant {
        agent.delete(&ResourceId::RoleAssignment(scope.clone().into(), row.name), "")?;
    }
    Ok(())
}

fn list(args: &List, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let scope = args.place.named()?.unwrap_or(AccessScope::Root);
    let assignments: Vec<Value> = args.source.reader(printer)?.assignments(&scope)?.read()?;
    let is_wanted = |assignment: &Value| {
        let Ok(row) = AssignmentRow::deserialize(assignment) else { return true };
        let AssignmentProperties { principal_id, role_definition_name, .. } = row.properties;
        args.assignee.as_ref().is_none_or(|assignee| *assignee == principal_id)
            && args.role.is_none_or(|role| role == role_definition_name)
    };
    let wanted = assignments.into_iter().filter(is_wanted).collect();
    resource::list::<AssignmentRow>(Lists::Values(wanted), printer)
}

/// The name that a topology file would give the assignment.
fn derived_name(principal: &Principal, role: Role, scope: &AccessScope) -> String {
    Grant { principal: principal.clone(), role, scope: scope.clone() }.derived_name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_a_users() {
        assert_eq!(principal("alice").unwrap().to_string(), "user:alice");
        assert_eq!(principal("group:ops").unwrap().to_string(), "group:ops");
        assert!(principal("robot:r2").is_err());
    }

    #[test]
    fn a_derived_name_is_a_guid_that_differs_with_each_of_its_parts() {
        let (alice, bob) = (principal("alice").unwrap(), principal("bob").unwrap());
        let red = "/subscriptions/red".parse().unwrap();
        let name = derived_name(&alice, Role::Reader, &red);
        assert_eq!(name, derived_name(&alice, Role::Reader, &red));
        let lengths: Vec<usize> = name.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{name}");
        assert!(name.as_bytes()[14] == b'8' && b"89ab".contains(&name.as_bytes()[19]), "{name}");
        assert_ne!(name, derived_name(&bob, Role::Reader, &red));
        assert_ne!(name, derived_name(&alice, Role::Owner, &red));
        assert_ne!(name, derived_name(&alice, Role::Reader, &AccessScope::Root));
    }
}

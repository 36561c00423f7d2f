//! Role assignments.

use serde::Serialize;

use super::view::Resource;
use crate::api::body::Object;
use crate::api::error::{ApiError, ContentFault};
use crate::model::ResourceId;
use crate::model::access::{AccessScope, Principal, Role, RoleAssignment};

/// What Azure has and the agent has not.
const UNSUPPORTED: &[&str] =
    &["description", "condition", "conditionVersion", "delegatedManagedIdentityResourceId"];

const READ_ONLY: &[&str] = &["createdOn", "updatedOn", "createdBy", "updatedBy", "principalType"];

/// The properties of a role assignment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    principal_id: Principal,
    principal_type: &'static str,
    role_definition_id: String,
    role_definition_name: Role,
    scope: AccessScope,
}

/// A role assignment.
pub(super) fn view(assignment: &RoleAssignment) -> Resource<Properties> {
    let properties = Properties {
        principal_id: assignment.principal.clone(),
        principal_type: match assignment.principal {
            Principal::User(_) => "User",
            Principal::Group(_) => "Group",
        },
        role_definition_id: format!(
            "/providers/Microsoft.Authorization/roleDefinitions/{}",
            assignment.role.definition_guid()
        ),
        role_definition_name: assignment.role,
        scope: assignment.scope.clone(),
    };
    let id = ResourceId::RoleAssignment(Box::new(assignment.scope.clone()), assignment.name.clone());
    Resource::new(&id, None, properties)
}

/// A body.
pub(super) fn parse(scope: &AccessScope, name: &str, mut body: Object) -> Result<RoleAssignment, ApiError> {
    let resource = ResourceId::RoleAssignment(Box::new(scope.clone()), name.to_owned());
    body.identity(&resource)?;
    let properties = body.object("properties")?;
    let mut properties = body.required("properties", properties)?;
    body.end()?;
    let principal = properties.text("principalId")?;
    let principal = properties.required("principalId", principal)?.parse()?;
    let by_name = properties.text("roleDefinitionName")?.map(|text| text.parse::<Role>()).transpose()?;
    let by_id = properties.text("roleDefinitionId")?.map(|text| text.parse::<Role>()).transpose()?;
    if let (Some(by_name), Some(by_id)) = (by_name, by_id)
        && by_name != by_id
    {
        let text = format!("is {by_name}, and roleDefinitionId is that of {by_id}");
        return Err(properties.fault("roleDefinitionName", ContentFault::Combination(text)));
    }
    let role = properties.required("roleDefinitionName", by_name.or(by_id))?;
    if let Some(given) = properties.text("scope")?
        && given.value.parse().ok().as_ref() != Some(scope)
    {
        return Err(given.contradicts(&resource));
    }
    properties.read_only(READ_ONLY);
    properties.unsupported(UNSUPPORTED, &[])?;
    properties.end()?;
    Ok(RoleAssignment { name: name.to_owned(), principal, role, scope: scope.clone() })
}

//! Subscriptions. Azure gives them no `properties`: everything stands at the top.

use serde::Serialize;

use super::id;
use super::view::{Rendered, etag, to_json};
use crate::api::body::Object;
use crate::api::error::ApiError;
use crate::model::access::Subscription;
use crate::model::{DEFAULT_SCOPE_NAME, ResourceId, SubscriptionId};

/// What Azure has and the agent has not.
const UNSUPPORTED: &[&str] =
    &["subscriptionPolicies", "authorizationSource", "managedByTenants", "tags", "promotions"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    id: String,
    subscription_id: &'a SubscriptionId,
    display_name: &'a str,
    tenant_id: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

/// A subscription as it is sent.
pub(super) fn render(subscription: &Subscription) -> Rendered {
    let mut view = View {
        id: id::of(&ResourceId::Subscription(subscription.name.clone())),
        subscription_id: &subscription.name,
        display_name: &subscription.display_name,
        tenant_id: &subscription.tenant,
        state: "Enabled",
        etag: None,
    };
    let etag = etag(&view);
    view.etag = Some(etag.clone());
    Rendered { etag, json: to_json(&view) }
}

/// A body. What it leaves out stays as it is; a new subscription is called by its name, and belongs to the tenant `default`.
pub(super) fn parse(
    name: &SubscriptionId,
    old: Option<&Subscription>,
    mut body: Object,
) -> Result<Subscription, ApiError> {
    let resource = ResourceId::Subscription(name.clone());
    body.identity_but_name(&resource)?;
    for given in [body.text("name")?, body.text("subscriptionId")?].into_iter().flatten() {
        if given.value != name.as_str() {
            return Err(given.contradicts(&resource));
        }
    }
    let display_name = body.text("displayName")?.map(|text| text.value);
    let tenant = body.text("tenantId")?.map(|text| text.value);
    body.read_only(&["state"]);
    body.unsupported(UNSUPPORTED, &[])?;
    body.end()?;
    Ok(Subscription {
        name: name.clone(),
        display_name: display_name
            .or_else(|| old.map(|old| old.display_name.clone()))
            .unwrap_or_else(|| name.to_string()),
        tenant: tenant
            .or_else(|| old.map(|old| old.tenant.clone()))
            .unwrap_or_else(|| DEFAULT_SCOPE_NAME.to_owned()),
    })
}

//! Parameters behind the `?`.

use std::collections::BTreeMap;

use super::body::nearest;
use super::error::ApiError;
use super::paging::SKIP_TOKEN;
use super::target::{Collection, Target};
use crate::model::ResourceId;

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    parameters: BTreeMap<String, String>,
}

impl Query {
    /// The parameters that a request of this method to this target may have, checked.
    pub(super) fn parse(text: &str, method: &str, target: &Target) -> Result<Self, ApiError> {
        let known = known(method, target);
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let fault = |fault: String| ApiError::Parameter { name: name.chars().take(100).collect(), fault };
            // Azure's clients send it always. There is one version.
            if name.eq_ignore_ascii_case("api-version") {
                continue;
            }
            let Some(known) = known.iter().find(|known| known.eq_ignore_ascii_case(&name)) else {
                let hint = nearest(&name, known).map(|name| format!("; did you mean {name}?"));
                return Err(fault(format!("does not exist here{}", hint.unwrap_or_default())));
            };
            let is_flag = matches!(*known, "syncRemoteAddressSpace" | "both" | "dryRun");
            if is_flag && !matches!(value.as_ref(), "true" | "false") {
                return Err(fault("is either true or false".to_owned()));
            }
            if parameters.insert((*known).to_owned(), value.into_owned()).is_some() {
                return Err(fault("stands twice".to_owned()));
            }
        }
        Ok(Self { parameters })
    }

    /// Whether a parameter is true.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// A parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// The parameters that there are.
fn known(method: &str, target: &Target) -> &'static [&'static str] {
    match (method, target) {
        ("PUT", Target::Item(ResourceId::Peering(..))) => &["syncRemoteAddressSpace"],
        ("DELETE", Target::Item(ResourceId::Peering(..))) => &["both"],
        (_, Target::List(Collection::Vnets(_) | Collection::Nics(_))) => &[SKIP_TOKEN],
        (_, Target::Apply) => &["dryRun", "subscription"],
        (_, Target::ActivityLog(_)) => &["$filter", "$top"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn peering() -> Target {
        let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/virtualNetworkPeerings/p";
        Target::parse(path).unwrap()
    }

    #[test]
    fn a_version_of_the_api_is_let_pass_and_a_flag_is_read() {
        let query =
            Query::parse("api-version=2026-01-01&syncRemoteAddressSpace=true", "PUT", &peering()).unwrap();
        assert!(query.flag("syncRemoteAddressSpace"));
        assert!(!query.flag("both"));
    }

    #[rstest]
    #[case("PUT", "both=true", "parameter both does not exist here")]
    #[case("DELETE", "bth=true", "parameter bth does not exist here; did you mean both?")]
    #[case("DELETE", "both=yes", "parameter both is either true or false")]
    #[case("DELETE", "both=true&Both=true", "parameter Both stands twice")]
    fn what_means_nothing_is_refused(#[case] method: &str, #[case] text: &str, #[case] said: &str) {
        let error = Query::parse(text, method, &peering()).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}

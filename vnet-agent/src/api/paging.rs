//! Long lists in pages, each with the link to the next one, as Azure Resource Manager gives them. Only virtual networks and NICs can
//! be so many that it matters.

use std::fmt;
use std::str::FromStr;

use super::error::ApiError;
use crate::model::{NameError, NicId, VnetId};

/// The parameter of a link that says where its page begins.
pub(super) const SKIP_TOKEN: &str = "$skiptoken";

/// The most resources on a page. One of NICs takes about 800 kB.
const MAX_ITEMS: usize = 1_000;

/// A list, or a page of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// The resources, each as JSON.
    items: Vec<String>,
    /// After which resource the next page begins, where there is one.
    next: Option<Mark>,
}

/// A resource in a list: a virtual network, or a NIC of one. Lists are in this order.
///
/// A page begins after the last resource of the one before, whether that exists still or not: what comes and goes between two
/// pages makes none of the others appear twice or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    vnet: VnetId,
    nic: Option<NicId>,
}

impl Mark {
    /// The place of a virtual network, or of a NIC in it.
    pub(super) fn new(vnet: &VnetId, nic: Option<&NicId>) -> Self {
        Self { vnet: vnet.clone(), nic: nic.cloned() }
    }

    /// The place that a request's parameter tells.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        text.parse().map_err(|_: NameError| ApiError::Parameter {
            name: SKIP_TOKEN.to_owned(),
            fault: "is none that a link to a next page has".to_owned(),
        })
    }

    fn is_before(&self, (vnet, nic): (&VnetId, Option<&NicId>)) -> bool {
        (&self.vnet, self.nic.as_ref()) < (vnet, nic)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No name holds a comma.
        match &self.nic {
            Some(nic) => write!(f, "{},{nic}", self.vnet),
            None => write!(f, "{}", self.vnet),
        }
    }
}

impl FromStr for Mark {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (vnet, nic) = text.split_once(',').map_or((text, None), |(vnet, nic)| (vnet, Some(nic)));
        Ok(Self { vnet: VnetId::new(vnet)?, nic: nic.map(NicId::new).transpose()? })
    }
}

impl Page {
    /// A whole list.
    pub(super) fn whole(items: Vec<String>) -> Self {
        Self { items, next: None }
    }

    /// The page after `after` of resources that come with their places, in their order.
    pub(super) fn after<'a, T>(
        after: Option<&Mark>,
        all: impl Iterator<Item = ((&'a VnetId, Option<&'a NicId>), T)>,
        render: impl Fn(T) -> String,
    ) -> Self {
        let mut rest = all.skip_while(|(place, _)| after.is_some_and(|after| !after.is_before(*place)));
        let mut page = Self::default();
        let mut last = None;
        for (place, resource) in rest.by_ref().take(MAX_ITEMS) {
            page.items.push(render(resource));
            last = Some(place);
        }
        if rest.next().is_some() {
            page.next = last.map(|(vnet, nic)| Mark::new(vnet, nic));
        }
        page
    }

    /// The body of the answer. `url` is that of the list.
    pub(super) fn json(&self, url: &str) -> String {
        let value = self.items.join(",");
        let Some(next) = &self.next else { return format!("{{\"value\":[{value}]}}") };
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair(SKIP_TOKEN, &next.to_string())
            .finish();
        let link = serde_json::Value::from(format!("{url}?{query}"));
        format!("{{\"value\":[{value}],\"nextLink\":{link}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{nic_name, vnet_name};

    type Place = (VnetId, Option<NicId>);

    fn places(count: usize) -> Vec<Place> {
        (0..count)
            .map(|n| (vnet_name(&format!("v{}", 1000 + n / 7)), Some(nic_name(&format!("n{n:05}")))))
            .collect()
    }

    fn page(after: Option<&Mark>, all: &[Place]) -> Page {
        let all = all.iter().map(|(vnet, nic)| ((vnet, nic.as_ref()), nic));
        Page::after(after, all, |nic| nic.as_ref().unwrap().to_string())
    }

    /// The items of all pages, by the marks in their links.
    fn all_pages(places: &[Place], between: impl Fn(usize) -> Vec<Place>) -> Vec<Vec<String>> {
        let mut pages = vec![page(None, places)];
        while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
            let again = Mark::parse(&next.to_string()).unwrap();
            assert_eq!(again, next);
            pages.push(page(Some(&again), &between(pages.len())));
        }
        pages.into_iter().map(|page| page.items).collect()
    }

    #[test]
    fn pages_are_full_but_the_last_one_and_hold_everything_once() {
        for (count, sizes) in [
            (0, vec![0]),
            (MAX_ITEMS, vec![MAX_ITEMS]),
            (MAX_ITEMS + 1, vec![MAX_ITEMS, 1]),
            (3 * MAX_ITEMS, vec![MAX_ITEMS; 3]),
        ] {
            let places = places(count);
            let pages = all_pages(&places, |_| places.clone());
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
            let names: Vec<String> =
                places.iter().map(|(_, nic)| nic.as_ref().unwrap().to_string()).collect();
            assert_eq!(pages.concat(), names);
        }
    }

    #[test]
    fn what_goes_between_two_pages_hides_nothing_else() {
        let before = places(2 * MAX_ITEMS + 5);
        // The last one of the first page and what stands before it.
        let after: Vec<Place> = before[MAX_ITEMS..].to_vec();
        let pages = all_pages(&before, |_| after.clone());
        assert_eq!(pages.concat().len(), before.len());
    }

    #[test]
    fn a_link_names_the_list_and_the_place_in_it() {
        let mut page = Page::whole(vec!["{}".to_owned()]);
        assert_eq!(page.json("http://h/l"), r#"{"value":[{}]}"#);
        page.next = Some(Mark::new(&vnet_name("s/g/v"), Some(&nic_name("n"))));
        assert_eq!(
            page.json("http://h/l"),
            r#"{"value":[{}],"nextLink":"http://h/l?%24skiptoken=s%2Fg%2Fv%2Cn"}"#
        );
    }

    #[test]
    fn a_place_that_no_link_has_is_refused() {
        for text in ["", ",", "v,", "v,n,m", "a/b", "v w"] {
            let error = Mark::parse(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                "parameter $skiptoken is none that a link to a next page has",
                "{text}"
            );
        }
    }
}

//! What all resources have in common when they are read.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::id;
use crate::model::ResourceId;

/// How many bytes of the digest are in an etag: two resources, or two times of one, do not meet in as many by chance.
const ETAG_BYTES: usize = 16;

/// Every change is in force before it is answered.
pub(super) const SUCCEEDED: &str = "Succeeded";

/// A resource.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Resource<P> {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    properties: P,
}

/// A resource as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Rendered {
    /// The digest of all that is in it.
    pub(in crate::api) etag: String,
    /// JSON.
    pub(in crate::api) json: String,
}

impl<P: Serialize> Resource<P> {
    /// A resource with these properties.
    pub(super) fn new(resource: &ResourceId, location: Option<String>, properties: P) -> Self {
        let id = id::of(resource);
        let etag = etag(&(&id, &location, &properties));
        let (name, kind) = (id::name(resource).to_owned(), id::resource_type(resource));
        Self { id, name, kind, etag, location, properties }
    }

    /// As it is sent.
    pub(super) fn render(&self) -> Rendered {
        Rendered { etag: self.etag.clone(), json: to_json(self) }
    }
}

/// A digest of something, as an etag.
pub(super) fn etag(of: &impl Serialize) -> String {
    let digest = Sha256::digest(to_json(of));
    let hexadecimal = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("W/\"{}\"", hexadecimal(digest.get(..ETAG_BYTES).unwrap_or(&digest)))
}

/// The JSON of something that has only texts for names, and so always has one.
pub(super) fn to_json(of: &impl Serialize) -> String {
    serde_json::to_string(of).unwrap_or_default()
}

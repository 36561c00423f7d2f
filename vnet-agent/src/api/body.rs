//! A request's body, taken apart property by property.
//!
//! Nothing in a body is ignored: what has no meaning here is an error, so that nobody believes in a setting that does nothing. Two kinds
//! of properties are let pass, because Azure's clients send back what they have read: those that the agent alone decides, and those of
//! Azure's that are not supported, as long as they ask for nothing.

use serde_json::{Map, Value};

use super::arm::id;
use super::error::{ApiError, ContentFault};
use super::target::Target;
use crate::model::ResourceId;

/// The longest name that is compared with the known ones.
const MAX_COMPARED_BYTES: usize = 64;

/// An object, and where it stands in the body: `properties.subnets[2]`.
#[derive(Debug, Default)]
pub(super) struct Object {
    path: String,
    members: Map<String, Value>,
    known: Vec<&'static str>,
}

/// A value, and where it stands.
#[derive(Debug)]
pub(super) struct Located<T> {
    pub(super) path: String,
    pub(super) value: T,
}

impl Located<Value> {
    /// The value as an object.
    pub(super) fn object(self) -> Result<Object, ApiError> {
        match self.value {
            Value::Object(members) => Ok(Object { path: self.path, members, known: Vec::new() }),
            other => Err(wrong_type(self.path, "an object", &other)),
        }
    }

    /// The value as a text.
    pub(super) fn text(self) -> Result<Located<String>, ApiError> {
        match self.value {
            Value::String(value) => Ok(Located { path: self.path, value }),
            other => Err(wrong_type(self.path, "a string", &other)),
        }
    }
}

impl Located<String> {
    /// What the text says, where it says something of that kind.
    pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&self) -> Result<T, ApiError> {
        self.value.parse().map_err(|error: T::Err| self.fault(ContentFault::Value(error.to_string())))
    }

    /// The resource that the text is the id of.
    pub(super) fn resource(&self) -> Result<ResourceId, ApiError> {
        match Target::parse(&self.value) {
            Ok(Target::Item(id)) => Ok(id),
            _ => Err(self.fault(ContentFault::NotAnId(cut(&self.value)))),
        }
    }

    /// The text is not what belongs to this resource.
    pub(super) fn contradicts(&self, resource: &ResourceId) -> ApiError {
        self.fault(ContentFault::Contradicts { given: cut(&self.value), what: resource.to_string() })
    }

    /// Something is wrong with the text.
    pub(super) fn fault(&self, fault: ContentFault) -> ApiError {
        ApiError::Content { target: self.path.clone(), fault }
    }
}

/// A text of a stranger's, short enough to be told.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

fn wrong_type(target: String, expected: &'static str, found: &Value) -> ApiError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    ApiError::Content { target, fault: ContentFault::Type { expected, found } }
}

impl Object {
    /// A body.
    pub(super) fn body(value: Value) -> Result<Self, ApiError> {
        Located { path: String::new(), value }.object()
    }

    /// Where a member stands.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Something is wrong with a member.
    pub(super) fn fault(&self, name: &str, fault: ContentFault) -> ApiError {
        ApiError::Content { target: self.path_of(name), fault }
    }

    /// A member that must be there. Where it is missing, a slip of its name is what the mistake is about.
    pub(super) fn required<T>(&self, name: &'static str, value: Option<T>) -> Result<T, ApiError> {
        let slip = || self.members.keys().find(|member| nearest(member, &[name]).is_some());
        value.ok_or_else(|| match slip() {
            Some(slip) => self.fault(&cut(slip), ContentFault::Unknown { nearest: Some(name) }),
            None => self.fault(name, ContentFault::Missing),
        })
    }

    /// Takes a member; null is as good as none.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Located<Value>> {
        self.known.push(name);
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        Some(Located { path: self.path_of(name), value })
    }

    /// Takes away a null. Whether there was one.
    pub(super) fn take_null(&mut self, name: &'static str) -> bool {
        self.known.push(name);
        self.members.get(name).is_some_and(Value::is_null) && self.members.remove(name).is_some()
    }

    /// Takes an object.
    pub(super) fn object(&mut self, name: &'static str) -> Result<Option<Self>, ApiError> {
        self.take(name).map(Located::object).transpose()
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<Located<String>>, ApiError> {
        self.take(name).map(Located::text).transpose()
    }

    /// Takes a boolean.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, ApiError> {
        let Some(taken) = self.take(name) else { return Ok(None) };
        match taken.value {
            Value::Bool(flag) => Ok(Some(flag)),
            other => Err(wrong_type(taken.path, "true or false", &other)),
        }
    }

    /// Takes a list.
    pub(super) fn list(&mut self, name: &'static str) -> Result<Option<Vec<Located<Value>>>, ApiError> {
        let Some(taken) = self.take(name) else { return Ok(None) };
        let Value::Array(items) = taken.value else {
            return Err(wrong_type(taken.path, "a list", &taken.value));
        };
        let locate = |(index, value)| Located { path: format!("{}[{index}]", taken.path), value };
        Ok(Some(items.into_iter().enumerate().map(locate).collect()))
    }

    /// Takes a list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Result<Option<Vec<Located<String>>>, ApiError> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        Ok(Some(items.into_iter().map(Located::text).collect::<Result<_, _>>()?))
    }

    /// Takes `{"id": ..}`.
    pub(super) fn reference(&mut self, name: &'static str) -> Result<Option<Located<String>>, ApiError> {
        let Some(mut object) = self.object(name)? else { return Ok(None) };
        let id = object.text("id")?;
        let id = object.required("id", id)?;
        // What the resource itself has may be embedded: it is that resource's business.
        object.read_only(&["name", "type", "etag", "location", "properties", "resourceGroup"]);
        object.end()?;
        Ok(Some(id))
    }

    /// Takes away what the agent alone decides, whatever it says.
    pub(super) fn read_only(&mut self, names: &[&'static str]) {
        for name in names {
            self.known.push(name);
            self.members.remove(*name);
        }
    }

    /// Takes `id`, `name`, `type` and `etag`, as they were read or not at all.
    pub(super) fn identity(&mut self, resource: &ResourceId) -> Result<(), ApiError> {
        if let Some(given) = self.text("name")?
            && given.value != id::name(resource)
        {
            return Err(given.contradicts(resource));
        }
        self.identity_but_name(resource)
    }

    /// Takes `id`, `type` and `etag`, as they were read or not at all.
    pub(super) fn identity_but_name(&mut self, resource: &ResourceId) -> Result<(), ApiError> {
        if let Some(given) = self.text("id")?
            && given.resource().ok().as_ref() != Some(resource)
        {
            return Err(given.contradicts(resource));
        }
        self.read_only(&["type", "etag"]);
        Ok(())
    }

    /// Takes away what Azure has and the agent has not, as long as it asks for nothing: null, false, empty, or one of the words in
    /// `idle`.
    pub(super) fn unsupported(&mut self, names: &[&'static str], idle: &[&str]) -> Result<(), ApiError> {
        for name in names {
            self.known.push(name);
            if let Some(value) = self.members.remove(*name)
                && !asks_nothing(&value, idle)
            {
                return Err(self.fault(name, ContentFault::NotSupported));
            }
        }
        Ok(())
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), ApiError> {
        let Some(name) = self.members.keys().next() else { return Ok(()) };
        let fault = ContentFault::Unknown { nearest: nearest(name, &self.known) };
        Err(self.fault(&cut(name), fault))
    }
}

fn asks_nothing(value: &Value, idle: &[&str]) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty() || idle.contains(&text.as_str()),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(|value| asks_nothing(value, idle)),
    }
}

/// The known name that an unknown one is a slip of.
pub(super) fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    if name.len() > MAX_COMPARED_BYTES {
        return None;
    }
    let lower = name.to_lowercase();
    let distances = known.iter().map(|known| (strsim::osa_distance(&known.to_lowercase(), &lower), *known));
    let near = distances.filter(|(distance, known)| *distance <= (known.len() / 3).max(1));
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

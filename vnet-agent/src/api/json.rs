//! JSON as it comes in, read strictly.
//!
//! A name that stands twice in an object is a mistake that most readers hide by taking the last one, and a change must not depend on
//! which of two readers looked. So it is refused, as is what is nested too deeply.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most lists and objects within one another.
pub(super) const MAX_DEPTH: usize = 64;

/// The most values, those within others counted. An empty list takes three bytes of a body, and far more of memory.
pub(super) const MAX_VALUES: usize = 100_000;

/// Reads one JSON value that takes up the whole text.
///
/// # Errors
/// What is wrong with it, with line and column.
pub(super) fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    // Its own limit is higher, and has no place in an API's description.
    let left = Cell::new(MAX_VALUES);
    let value = Strict { depth: MAX_DEPTH, left: &left }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value with at most so many lists and objects within one another.
#[derive(Clone, Copy)]
struct Strict<'l> {
    depth: usize,
    /// How many values there may be yet in the whole text.
    left: &'l Cell<usize>,
}

impl Strict<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let too_deep =
            || E::custom(format_args!("more than {MAX_DEPTH} lists and objects within one another"));
        Ok(Self { depth: self.depth.checked_sub(1).ok_or_else(too_deep)?, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let too_many = || D::Error::custom(format_args!("more than {MAX_VALUES} values"));
        self.left.set(self.left.get().checked_sub(1).ok_or_else(too_many)?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let shown: String = name.chars().take(100).collect();
                return Err(A::Error::custom(format_args!("property {shown:?} stands twice")));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_ordinary_value_is_read_as_by_any_reader() {
        let text = br#"{"a": [1, -2, 2.5, null, true, "x\u00e9"], "b": {"c": {}}}"#;
        assert_eq!(parse(text).unwrap(), json!({"a": [1, -2, 2.5, null, true, "xé"], "b": {"c": {}}}));
    }

    #[rstest]
    #[case::twice(br#"{"a": 1, "a": 1}"#, "property \"a\" stands twice at line 1 column 12")]
    #[case::twice_by_an_escape(br#"{"a": 1, "\u0061": 1}"#, "property \"a\" stands twice")]
    #[case::twice_within(br#"{"a": [{"b": 1, "b": 2}]}"#, "property \"b\" stands twice")]
    #[case::nothing(b"", "EOF while parsing")]
    #[case::more_behind(b"{} {}", "trailing characters")]
    #[case::not_a_number(br#"{"a": NaN}"#, "expected value")]
    #[case::huge_number(br#"{"a": 1e999}"#, "number out of range")]
    #[case::not_utf8(b"{\"a\": \"\xff\"}", "invalid unicode")]
    #[case::half_a_surrogate(br#"{"a": "\ud800"}"#, "unexpected end of hex escape")]
    fn what_is_wrong_is_said(#[case] text: &[u8], #[case] said: &str) {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        let error = parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("more than 64 lists and objects within one another"), "{error}");
        assert!(parse(nested(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn the_number_of_values_ends_at_the_limit() {
        let list = |values: usize| format!("[{}]", vec!["{}"; values - 1].join(","));
        assert!(parse(list(MAX_VALUES).as_bytes()).is_ok());
        let error = parse(list(MAX_VALUES + 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("more than 100000 values"), "{error}");
    }
}

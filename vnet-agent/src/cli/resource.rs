//! Resources as the agent tells them, printed: whole for programs, a row each for people.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CliError, Format, Printer, Table};
use crate::api;
use crate::model::access::AccessScope;
use crate::model::{DEFAULT_SCOPE_NAME, ResourceId};

/// What a table shows of a resource.
pub(super) trait Row: DeserializeOwned {
    /// The columns. The first is the name.
    const HEADER: &'static [&'static str];

    /// Those of the columns that hold numbers.
    const NUMBERS: &'static [&'static str] = &[];

    /// The resource id, of what stands in a resource group.
    fn id(&self) -> Option<&str> {
        None
    }

    /// A cell for each column.
    fn cells(self) -> Vec<String>;
}

/// A list of resources.
#[derive(Debug, Deserialize)]
pub(super) struct Listed<T> {
    /// The resources.
    pub(super) value: Vec<T>,
}

/// Prints one resource.
pub(super) fn show<R: Row>(resource: &Value, printer: &mut Printer<'_>) -> Result<(), CliError> {
    match printer.format() {
        format @ (Format::Table | Format::Tsv) => {
            let row = R::deserialize(resource).map_err(CliError::failed)?;
            printer.cells(&table(vec![row], format))
        }
        format => printer.show_as(format, resource, |_| Table::default()),
    }
}

/// Prints resources as `list` does. Of what only a table shows, no more is read than it shows: that is what makes long lists quick.
pub(super) fn list<R: Row>(lists: Lists, printer: &mut Printer<'_>) -> Result<(), CliError> {
    match printer.format() {
        format @ (Format::Table | Format::Tsv) => printer.cells(&table(lists.read::<R>()?, format)),
        format => printer.show_as(format, &lists.read::<Value>()?, |_| Table::default()),
    }
}

/// One list or several, not read yet.
#[derive(Debug)]
pub(super) enum Lists {
    /// Lists as the agent answered.
    Answers(Vec<api::Answer>),
    /// Resources that are there already.
    Values(Vec<Value>),
}

impl Lists {
    /// The resources, each as a `T`.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<Vec<T>, CliError> {
        match self {
            Self::Answers(answers) => {
                let mut all = Vec::new();
                for answer in answers {
                    all.append(&mut answer.json::<Listed<T>>()?.value);
                }
                Ok(all)
            }
            Self::Values(values) => {
                let each =
                    values.into_iter().map(|value| serde_json::from_value(value).map_err(CliError::failed));
                each.collect()
            }
        }
    }
}

/// What stands in a path as it is; a name that nothing has checked yet may hold anything else.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_');

/// The path of a resource.
pub(super) fn target(id: &ResourceId) -> String {
    utf8_percent_encode(&api::path_of(id), IN_PATHS).to_string()
}

/// The path of the role assignments of a scope.
pub(super) fn assignments(scope: &AccessScope) -> String {
    let scope = scope.to_string();
    format!("{}/providers/Microsoft.Authorization/roleAssignments", scope.trim_end_matches('/'))
}

/// A row for each resource. Subscription and resource group are shown where not all are the default, and, so that programs find the
/// same columns whatever there is, in what is meant for programs.
pub(super) fn table<R: Row>(rows: Vec<R>, format: Format) -> Table {
    let is_elsewhere = |row: &R| row.id().map(scope).is_some_and(|scope| scope != [DEFAULT_SCOPE_NAME; 2]);
    let shows_scope = format == Format::Tsv || rows.iter().any(is_elsewhere);
    let (name, rest) = R::HEADER.split_first().unwrap_or((&"Name", &[]));
    let scope_header: &[&str] = if shows_scope { &["Subscription", "Resource Group"] } else { &[] };
    let header: Vec<&str> = [name].into_iter().chain(scope_header).chain(rest).copied().collect();
    let is_number = |(_, name): &(usize, &&str)| R::NUMBERS.contains(*name);
    let numbers = header.iter().enumerate().filter(is_number).map(|(index, _)| index);
    let mut table = Table::new(header.clone()).numbers(numbers);
    for row in rows {
        let scope = if shows_scope { row.id().map(|id| scope(id).map(str::to_owned)) } else { None };
        let mut cells = row.cells().into_iter();
        let name = cells.next();
        table.row(name.into_iter().chain(scope.into_iter().flatten()).chain(cells));
    }
    table
}

/// Subscription and resource group of a resource id.
fn scope(id: &str) -> [&str; 2] {
    let mut parts = id.split('/').skip(2).step_by(2);
    [parts.next().unwrap_or_default(), parts.next().unwrap_or_default()]
}

/// The last part of a resource id.
pub(super) fn last_part(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// `properties` of a resource, made where there are none.
pub(super) fn properties(resource: &mut Value) -> Result<&mut serde_json::Map<String, Value>, CliError> {
    let object = resource.as_object_mut();
    let properties =
        object.map(|object| object.entry("properties").or_insert_with(|| Value::Object(Default::default())));
    properties.and_then(Value::as_object_mut).ok_or_else(|| {
        CliError::failed("the agent answered with something that is no resource; is it of another version?")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Thing {
        id: String,
        name: String,
    }

    impl Row for Thing {
        const HEADER: &'static [&'static str] = &["Name", "Length"];
        const NUMBERS: &'static [&'static str] = &["Length"];

        fn id(&self) -> Option<&str> {
            Some(&self.id)
        }

        fn cells(self) -> Vec<String> {
            let length = self.name.len().to_string();
            vec![self.name, length]
        }
    }

    fn thing(subscription: &str, group: &str, name: &str) -> Value {
        let id = format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/P/things/{name}");
        json!({"id": id, "name": name, "more": [1, 2]})
    }

    fn printed(values: Vec<Value>, format: Format) -> String {
        let mut bytes = Vec::new();
        let mut printer = Printer::new(&mut bytes, Some(format), false, false);
        list::<Thing>(Lists::Values(values), &mut printer).unwrap();
        drop(printer);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn where_everything_stands_in_the_default_group_no_column_says_so() {
        let things = vec![thing("default", "default", "a"), thing("default", "default", "bc")];
        assert_eq!(
            printed(things, Format::Table),
            "Name  Length\n----  ------\na          1\nbc         2\n"
        );
    }

    #[test]
    fn where_one_stands_elsewhere_every_row_says_where() {
        let things = vec![thing("default", "default", "a"), thing("red", "prod", "a")];
        let expected = "\
Name  Subscription  Resource Group  Length
----  ------------  --------------  ------
a     default       default              1
a     red           prod                 1
";
        assert_eq!(printed(things, Format::Table), expected);
    }

    #[test]
    fn for_programs_the_columns_are_the_same_wherever_everything_stands() {
        assert_eq!(printed(vec![thing("default", "default", "a")], Format::Tsv), "a\tdefault\tdefault\t1\n");
        assert_eq!(printed(vec![thing("red", "prod", "a")], Format::Tsv), "a\tred\tprod\t1\n");
    }

    #[test]
    fn programs_get_the_whole_resource() {
        let printed: Value =
            serde_json::from_str(&printed(vec![thing("s", "g", "a")], Format::Json)).unwrap();
        assert_eq!(printed, json!([thing("s", "g", "a")]));
    }
}

//! The tables of the database file.

use redb::{Database, TableDefinition, WriteTransaction};

use super::migrate::FORMAT;

/// What is inside a table of objects: JSON by parent and name; the parent is empty for what has none.
pub(super) type ObjectTable = TableDefinition<'static, (&'static str, &'static str), &'static [u8]>;

/// Numbers about the file itself. The table's name marks the file as ours.
pub(super) const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("vnet-agent");
/// Key of [`ABOUT`]: the layout of everything else.
pub(super) const ABOUT_FORMAT: &str = "format";
/// Key of [`ABOUT`]: how many changes led to the state.
pub(super) const ABOUT_VERSION: &str = "version";

/// A part of the activity log: JSON, by the numbers of the entries, which no two entries of the whole log share.
pub(super) type LogTable = TableDefinition<'static, u64, &'static [u8]>;

/// What was done.
pub(super) const ACTIVITIES: LogTable = TableDefinition::new("activities");
/// What was refused or failed. It has a bound of its own: anybody can be refused as often as he likes, and must not push out of the log
/// what was done.
pub(super) const REFUSALS: LogTable = TableDefinition::new("refusals");

/// Notes: bytes that mean something to whoever wrote them.
pub(super) const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");

/// The kinds of objects, each in a table of its own, because records of one kind change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Subscription,
    Assignment,
    Token,
    Vnet,
    Subnet,
    Nic,
    Peering,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Subscription,
        Self::Assignment,
        Self::Token,
        Self::Vnet,
        Self::Subnet,
        Self::Nic,
        Self::Peering,
    ];

    pub(super) fn table(self) -> ObjectTable {
        TableDefinition::new(match self {
            Self::Subscription => "subscriptions",
            Self::Assignment => "roleAssignments",
            Self::Token => "tokens",
            Self::Vnet => "virtualNetworks",
            Self::Subnet => "subnets",
            Self::Nic => "networkInterfaces",
            Self::Peering => "virtualNetworkPeerings",
        })
    }

    /// The kind as a word in a sentence.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Subscription => "subscription",
            Self::Assignment => "role assignment",
            Self::Token => "token",
            Self::Vnet => "virtual network",
            Self::Subnet => "subnet",
            Self::Nic => "NIC",
            Self::Peering => "peering",
        }
    }
}

/// Writes the tables of an empty state into a new database.
pub(super) fn begin(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    make_all(&transaction)?;
    set_about(&transaction, ABOUT_FORMAT, FORMAT)?;
    set_about(&transaction, ABOUT_VERSION, 0)?;
    Ok(transaction.commit()?)
}

/// Makes the tables that are missing.
pub(super) fn make_all(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    for kind in Kind::ALL {
        transaction.open_table(kind.table())?;
    }
    transaction.open_table(ACTIVITIES)?;
    transaction.open_table(REFUSALS)?;
    transaction.open_table(NOTES)?;
    Ok(())
}

/// Sets a number about the file.
pub(super) fn set_about(transaction: &WriteTransaction, key: &str, value: u64) -> Result<(), redb::Error> {
    let mut about = transaction.open_table(ABOUT)?;
    about.insert(key, value)?;
    Ok(())
}

//! From a user of this machine to a caller: the name and the groups of whoever is at the other end of a socket.
//!
//! The kernel vouches for the user and the primary group of a peer (`SO_PEERCRED`, unix(7)), as they were when it connected. The
//! other groups are those that the account database has for that user. The kernel could tell the peer's own ones
//! (`SO_PEERGROUPS`), but no safe interface to that is at hand; what differs is a process that laid groups aside, which only its
//! own user can bring about. `/proc/PID/status` is no way: by then, the number may be another process's, or the process may have
//! executed a set-user-ID program.
//!
//! Nothing is remembered here. Who keeps a connection open should keep its [`UCred`] and ask anew at each request, so that a
//! changed membership counts at once.

use std::collections::BTreeSet;
use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::net::unix::UCred;

use crate::model::access::{Caller, Principal};

/// Who is at the other end of a socket. It asks the account database, which may block for a while.
#[must_use]
pub fn of_peer(peer: &UCred) -> Caller {
    of_ids(&System, peer.uid(), peer.gid())
}

/// Whom a token stands for, with the groups that he is in now. It asks the account database, which may block for a while.
///
/// Only `user:root` and `user:#0` are root. Another name for user 0 is a user like any other.
#[must_use]
pub fn of_principal(principal: &Principal) -> Caller {
    named(&System, principal)
}

/// A user, as the account database knows him.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

/// The account database. What it cannot tell, it has not: whoever has no name, or no groups, has fewer roles and never more.
trait Accounts {
    fn by_uid(&self, uid: u32) -> Option<Account>;
    fn by_name(&self, name: &str) -> Option<Account>;
    fn group_name(&self, gid: u32) -> Option<String>;
    fn gid_of(&self, name: &str) -> Option<u32>;
    /// The groups of a user, the primary one among them.
    fn groups_of(&self, account: &Account) -> Vec<u32>;
}

/// The one of this machine, by nsswitch.conf(5).
struct System;

impl Accounts for System {
    fn by_uid(&self, uid: u32) -> Option<Account> {
        answer(User::from_uid(Uid::from_raw(uid))).map(Account::from)
    }

    fn by_name(&self, name: &str) -> Option<Account> {
        answer(User::from_name(name)).map(Account::from)
    }

    fn group_name(&self, gid: u32) -> Option<String> {
        answer(Group::from_gid(Gid::from_raw(gid))).map(|group| group.name)
    }

    fn gid_of(&self, name: &str) -> Option<u32> {
        answer(Group::from_name(name)).map(|group| group.gid.as_raw())
    }

    fn groups_of(&self, account: &Account) -> Vec<u32> {
        let Ok(name) = CString::new(account.name.as_str()) else { return Vec::new() };
        let groups = getgrouplist(&name, Gid::from_raw(account.gid)).map(Some);
        answer(groups).unwrap_or_default().into_iter().map(Gid::as_raw).collect()
    }
}

/// What the account database says; that it cannot be asked is noted.
fn answer<T>(asked: nix::Result<Option<T>>) -> Option<T> {
    asked.unwrap_or_else(|error| {
        tracing::warn!(%error, "the account database gives no answer; a caller may lack roles that he has by name or group");
        None
    })
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
    }
}

/// A user by number, known to be in the group `gid` besides those that the database has.
fn of_ids(accounts: &impl Accounts, uid: u32, gid: u32) -> Caller {
    if uid == 0 {
        return Caller::root();
    }
    match accounts.by_uid(uid) {
        Some(account) => of_account(accounts, &account, Some(gid)),
        None => Caller::new(number_of_user(uid), of_groups(accounts, [gid])),
    }
}

fn of_account(accounts: &impl Accounts, account: &Account, gid: Option<u32>) -> Caller {
    let groups: BTreeSet<u32> = accounts.groups_of(account).into_iter().chain(gid).collect();
    let mut others: Vec<_> = std::iter::once(number_of_user(account.uid)).collect();
    others.extend(of_groups(accounts, groups));
    match user(&account.name) {
        Some(principal) => Caller::new(principal, others),
        None => Caller::new(number_of_user(account.uid), others),
    }
}

fn named(accounts: &impl Accounts, principal: &Principal) -> Caller {
    if principal.is_root() {
        return Caller::root();
    }
    match principal {
        Principal::User(name) => {
            let account = match number(name) {
                Some(uid) => accounts.by_uid(uid),
                None => accounts.by_name(name),
            };
            // A role may be given before there is the user. His own name counts, whatever the database makes of it.
            let Some(account) = account else { return Caller::new(principal.clone(), []) };
            let others = of_account(accounts, &account, None);
            Caller::new(principal.clone(), others.into_principals())
        }
        Principal::Group(name) => {
            let gid = number(name).or_else(|| accounts.gid_of(name));
            Caller::new(principal.clone(), of_groups(accounts, gid))
        }
    }
}

/// Each group by its number, and by its name where it has one.
fn of_groups(accounts: &impl Accounts, gids: impl IntoIterator<Item = u32>) -> Vec<Principal> {
    let both = |gid: u32| {
        let name = accounts.group_name(gid).filter(|name| is_name(name));
        let name = name.map(|name| Principal::Group(name.into()));
        std::iter::once(Principal::Group(format!("#{gid}").into())).chain(name)
    };
    gids.into_iter().flat_map(both).collect()
}

fn number_of_user(uid: u32) -> Principal {
    Principal::User(format!("#{uid}").into())
}

fn user(name: &str) -> Option<Principal> {
    is_name(name).then(|| Principal::User(name.into()))
}

/// Whether a name cannot be taken for a number, and is none that is always root's. A directory service may have any.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('#')
}

/// The number in `#1000`.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix('#')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    /// Alice, in `alice` and `netops`; somebody whose name looks like a number; another name for user 0.
    struct Table;

    const USERS: [(&str, u32, u32); 4] =
        [("root", 0, 0), ("alice", 1000, 1000), ("#1000", 1001, 1001), ("toor", 0, 0)];
    const GROUPS: [(&str, u32); 5] =
        [("root", 0), ("alice", 1000), ("netops", 2000), ("#2000", 2001), ("guests", 3000)];

    fn account((name, uid, gid): (&str, u32, u32)) -> Account {
        Account { name: name.to_owned(), uid, gid }
    }

    impl Accounts for Table {
        fn by_uid(&self, uid: u32) -> Option<Account> {
            USERS.into_iter().find(|user| user.1 == uid).map(account)
        }

        fn by_name(&self, name: &str) -> Option<Account> {
            USERS.into_iter().find(|user| user.0 == name).map(account)
        }

        fn group_name(&self, gid: u32) -> Option<String> {
            GROUPS.into_iter().find(|group| group.1 == gid).map(|group| group.0.to_owned())
        }

        fn gid_of(&self, name: &str) -> Option<u32> {
            GROUPS.into_iter().find(|group| group.0 == name).map(|group| group.1)
        }

        fn groups_of(&self, account: &Account) -> Vec<u32> {
            if account.name == "alice" { vec![1000, 2000] } else { vec![account.gid] }
        }
    }

    /// What `caller` is of a few principals.
    fn is(caller: &Caller) -> Vec<&'static str> {
        const ALL: [&str; 14] = [
            "user:root",
            "user:#0",
            "user:alice",
            "user:#1000",
            "user:#1001",
            "user:toor",
            "user:carl",
            "user:#7",
            "group:alice",
            "group:#1000",
            "group:netops",
            "group:#2000",
            "group:guests",
            "group:#3000",
        ];
        ALL.into_iter().filter(|text| caller.is(&text.parse().unwrap())).collect()
    }

    const ALICE: [&str; 6] =
        ["user:alice", "user:#1000", "group:alice", "group:#1000", "group:netops", "group:#2000"];

    #[test]
    fn user_0_is_root_whatever_his_name_and_group() {
        assert_eq!(of_ids(&Table, 0, 3000), Caller::root());
    }

    #[test]
    fn a_user_has_his_name_his_number_and_both_of_each_group() {
        let caller = of_ids(&Table, 1000, 1000);
        assert_eq!((caller.to_string().as_str(), is(&caller)), ("user:alice", ALICE.to_vec()));
        assert!(!caller.is_root());
    }

    #[test]
    fn the_group_that_the_kernel_vouches_for_counts_too() {
        let caller = of_ids(&Table, 1000, 3000);
        assert_eq!(is(&caller), [&ALICE[..], &["group:guests", "group:#3000"]].concat());
    }

    #[test]
    fn a_user_without_a_name_is_known_by_number() {
        let caller = of_ids(&Table, 7, 3000);
        assert_eq!(caller.to_string(), "user:#7");
        assert_eq!(is(&caller), ["user:#7", "group:guests", "group:#3000"]);
    }

    #[test]
    fn a_name_that_looks_like_a_number_makes_nobody_another_user_or_group() {
        let caller = of_ids(&Table, 1001, 2001);
        assert_eq!(caller.to_string(), "user:#1001");
        assert_eq!(is(&caller), ["user:#1001"]);
    }

    #[rstest]
    #[case::by_name("user:alice")]
    #[case::by_number("user:#1000")]
    fn a_token_for_a_user_has_that_user_s_groups(#[case] text: &str) {
        let caller = named(&Table, &text.parse().unwrap());
        assert_eq!((caller.to_string().as_str(), is(&caller)), (text, ALICE.to_vec()));
    }

    #[rstest]
    #[case::by_name("group:netops", "#2000", "group:netops")]
    #[case::by_number("group:#2000", "#2000", "group:netops")]
    fn a_token_for_a_group_has_that_group_alone(
        #[case] text: &str,
        #[case] number: &str,
        #[case] name: &str,
    ) {
        let caller = named(&Table, &text.parse().unwrap());
        assert_eq!(caller.to_string(), text);
        assert_eq!(is(&caller), [name.to_owned(), format!("group:{number}")]);
    }

    #[test]
    fn a_token_for_somebody_unknown_stands_for_that_name_alone() {
        let caller = named(&Table, &"user:carl".parse().unwrap());
        assert_eq!((caller.to_string().as_str(), is(&caller)), ("user:carl", vec!["user:carl"]));
        let caller = named(&Table, &"group:nobody-has-it".parse().unwrap());
        assert_eq!((caller.to_string().as_str(), is(&caller)), ("group:nobody-has-it", vec![]));
    }

    #[test]
    fn a_token_is_root_s_only_by_root_s_own_name_or_number() {
        for text in ["user:root", "user:#0"] {
            assert_eq!(named(&Table, &text.parse().unwrap()), Caller::root());
        }
        assert!(!named(&Table, &"user:toor".parse().unwrap()).is_root());
        assert!(!named(&Table, &"group:root".parse().unwrap()).is_root());
    }

    #[test]
    fn this_machine_s_accounts_are_asked() {
        let root = System.by_uid(0).unwrap();
        assert_eq!((root.name.as_str(), System.by_name("root")), ("root", Some(root.clone())));
        assert!(System.groups_of(&root).contains(&root.gid));
        let group = System.group_name(root.gid).unwrap();
        assert_eq!(System.gid_of(&group), Some(root.gid));
        assert_eq!(System.by_uid(4_000_000_001), None);
        assert_eq!(of_ids(&System, 4_000_000_001, 4_000_000_001).to_string(), "user:#4000000001");
    }

    #[tokio::test]
    async fn the_other_end_of_a_socket_is_known() {
        let (here, _there) = tokio::net::UnixStream::pair().unwrap();
        let peer = here.peer_cred().unwrap();
        let own = nix::unistd::geteuid();
        let caller = of_peer(&peer);
        assert_eq!(caller.is_root(), own.is_root());
        assert!(own.is_root() || caller.is(&number_of_user(own.as_raw())));
    }
}

//! Two subscriptions, each with a virtual network, and short words for roles.

use crate::model::access::*;
use crate::model::tests::{nic, subnet, vnet, vnet_name};
use crate::model::*;

pub(super) const ALICE: &str = "user:alice";
pub(super) const BOB: &str = "user:bob";

pub(super) fn caller(principal: &str) -> Caller {
    Caller::new(principal.parse().unwrap(), [])
}

pub(super) fn scope(text: &str) -> AccessScope {
    text.parse().unwrap()
}

pub(super) fn subscription(name: &str) -> Subscription {
    Subscription {
        name: SubscriptionId::new(name).unwrap(),
        display_name: format!("The {name} one"),
        tenant: "contoso".to_owned(),
    }
}

pub(super) fn assignment(name: &str, principal: &str, role: Role, scope: &str) -> RoleAssignment {
    RoleAssignment {
        name: name.to_owned(),
        principal: principal.parse().unwrap(),
        role,
        scope: scope.parse().unwrap(),
    }
}

/// The resource id of a virtual network.
pub(super) fn vnet_scope(vnet: &str) -> String {
    vnet_name(vnet).arm_id()
}

/// A state under test. What is done to it must succeed, or be refused and change nothing.
#[derive(Clone, Debug)]
pub(super) struct House(pub(super) State);

impl House {
    /// Subscriptions `red` and `blue` with networks `red/g/a` and `blue/g/b`, each with a subnet `s` and a NIC in it. Nobody
    /// has a role.
    pub(super) fn new() -> Self {
        let mut state = State::default();
        for name in ["red", "blue"] {
            state = state.put_subscription(subscription(name)).unwrap();
        }
        let operations = [("red/g/a", 1), ("blue/g/b", 2)].into_iter().flat_map(|(name, number)| {
            let group = name.rsplit_once('/').unwrap().0;
            [
                Operation::CreateVnet(vnet(name, &[&format!("10.{number}.0.0/16")])),
                Operation::CreateSubnet(vnet_name(name), subnet("s", &[&format!("10.{number}.0.0/24")])),
                Operation::CreateNic(nic(
                    &format!("{group}/n"),
                    &format!("{name}/s"),
                    &[&format!("10.{number}.0.4")],
                )),
            ]
        });
        Self(state.apply(&Caller::root(), operations).unwrap())
    }

    /// Gives a role. The assignment is named by what it says.
    #[track_caller]
    pub(super) fn give(mut self, principal: &str, role: Role, scope: &str) -> Self {
        let name = format!("a{}", self.0.directory.assignments().len());
        self.0 = self.0.put_role_assignment(assignment(&name, principal, role, scope)).unwrap();
        self
    }

    /// Alice is Owner of `red` and Bob of `blue`.
    pub(super) fn with_owners(self) -> Self {
        self.give(ALICE, Role::Owner, "/subscriptions/red").give(BOB, Role::Owner, "/subscriptions/blue")
    }

    #[track_caller]
    pub(super) fn does(mut self, who: &str, operation: Operation) -> Self {
        self.0 = self.0.apply(&caller(who), [operation]).unwrap_or_else(|refusal| panic!("{refusal}"));
        self
    }

    #[track_caller]
    pub(super) fn root_does(mut self, operation: Operation) -> Self {
        self.0 = self.0.apply(&Caller::root(), [operation]).unwrap_or_else(|refusal| panic!("{refusal}"));
        self
    }

    /// The refusal of an operation.
    #[track_caller]
    pub(super) fn refusal(&self, who: &str, operation: Operation) -> Refusal {
        self.0.apply(&caller(who), [operation]).expect_err("the operation is refused")
    }

    /// The scope and the action that `who` lacks for an operation, or the linked ones.
    #[track_caller]
    pub(super) fn lacks(&self, who: &str, operation: Operation) -> (String, String) {
        lacked(self.refusal(who, operation))
    }
}

/// What somebody lacks who is refused: where, and which action.
#[track_caller]
pub(super) fn lacked(refusal: Refusal) -> (String, String) {
    match refusal {
        Refusal::AuthorizationFailed { action, scope, .. } => (scope.to_string(), action.to_string()),
        Refusal::LinkedAuthorizationFailed { linked_action, linked_scope, .. } => {
            (linked_scope.to_string(), linked_action.to_string())
        }
        other => panic!("{}: {other}", other.code()),
    }
}

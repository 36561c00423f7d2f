//! Why a request was not granted, in the form of Azure Resource Manager.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::arm::id;
use super::limits::JSON_WEIGHT;
use super::target::PathError;
use crate::config::{Problem, Problems};
use crate::daemon::control::{ChangeError, Rejection};
use crate::daemon::journal::DATA_PATH_FAILED;
use crate::model::{NameError, Refusal, RefusalCode, ResourceId};

/// The code of a topology file with mistakes, and of a mistake in it that is no refusal.
const INVALID_FILE: &str = "InvalidTopologyFile";

/// What a topology file is called that came without a name, in the places of its mistakes.
pub const UNNAMED_FILE: &str = "the file";

/// What is wrong with a property of a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContentFault {
    /// It is no JSON.
    #[error("is no JSON value that can be taken: {0}")]
    Syntax(String),
    /// There is no such property.
    #[error("is no property here{}", .nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    Unknown {
        /// The property that was probably meant.
        nearest: Option<&'static str>,
    },
    /// It has another type.
    #[error("must be {expected}, not {found}")]
    Type {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// It is missing.
    #[error("is missing")]
    Missing,
    /// It is not what the path says.
    #[error("is {given:?}, but the path names {what}")]
    Contradicts {
        /// What the body says.
        given: String,
        /// What the path names.
        what: String,
    },
    /// Azure has it, and the agent has not.
    #[error("is not supported; leave it out")]
    NotSupported,
    /// It is no resource id.
    #[error("is {0:?}, which is the id of no resource")]
    NotAnId(String),
    /// It is the id of another kind of resource.
    #[error("must be the id of a {expected}, not of {found}")]
    Kind {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The value cannot be taken.
    #[error("cannot be taken: {0}")]
    Value(String),
    /// It does not go with another property.
    #[error("{0}")]
    Combination(String),
}

/// A request that was not granted. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The model refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The body is not what it must be.
    #[error("{}{fault}", if .target.is_empty() { "the body ".into() } else { format!("property {target} ") })]
    Content {
        /// The property, as `properties.addressSpace`; empty for the body as a whole.
        target: String,
        /// What is wrong.
        fault: ContentFault,
    },
    /// A body is missing.
    #[error("the request needs a body")]
    NoBody,
    /// The path leads nowhere.
    #[error(transparent)]
    Path(PathError),
    /// A parameter of the query or a header is not what it must be.
    #[error("parameter {name} {fault}")]
    Parameter {
        /// The parameter.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// There is no such method here.
    #[error("{method} is not possible here; {} {}", list(.allowed), if .allowed.len() == 1 { "is" } else { "are" })]
    Method {
        /// The method that was asked for.
        method: String,
        /// The methods that there are.
        allowed: Vec<Method>,
    },
    /// A topology file has mistakes, or declares what the caller has not the roles for.
    #[error("{text}")]
    File {
        /// All of them, with the lines that they are about.
        text: String,
        /// Each of them.
        details: Vec<Detail>,
        /// The code of the first that is the lack of a role, where one is.
        denied: Option<RefusalCode>,
    },
    /// A condition of the request does not hold.
    #[error("{resource} {what}")]
    Precondition {
        /// The resource.
        resource: ResourceId,
        /// What the condition and the resource say.
        what: String,
    },
    /// The state is another one than the request is about.
    #[error("the state has version {current}, and If-Match names {given}; read it again, then try again")]
    Version {
        /// The version that there is.
        current: u64,
        /// What the request names.
        given: String,
    },
    /// The body has no media type that can be taken.
    #[error("the body must have the Content-Type {expected}")]
    MediaType {
        /// The type that it must have.
        expected: &'static str,
    },
    /// The body is too long.
    #[error("the body has more than {limit_bytes} bytes")]
    TooLarge {
        /// The most that it may have.
        limit_bytes: usize,
    },
    /// Too many bodies are under way already.
    #[error(
        "the bodies of requests under way take as much memory as they may: {} MiB of one user, JSON counted {JSON_WEIGHT} times; wait for an answer, then try again",
        .limit_bytes >> 20
    )]
    Busy {
        /// The most that those of one user may take.
        limit_bytes: usize,
    },
    /// The body broke off.
    #[error("the body broke off: {0}")]
    Broken(String),
    /// The body took too long.
    #[error("the body did not come in within {seconds} s")]
    Slow {
        /// How long it may take.
        seconds: u64,
    },
    /// Nobody knows who asks.
    #[error(
        "a valid token is needed: `Authorization: Bearer TOKEN`, with the token in DIR/api-token or one of `vnet-agent token create`"
    )]
    Unauthenticated,
    /// The request is for another host.
    #[error("this agent answers requests for localhost and loopback addresses alone")]
    ForeignHost,
    /// The subnet has no free address.
    #[error("no address of {subnet} is free for a NIC")]
    SubnetIsFull {
        /// The subnet.
        subnet: ResourceId,
    },
    /// The agent takes no changes.
    #[error("{0}")]
    ReadOnly(String),
    /// The change was not written.
    #[error("{0}")]
    Store(String),
    /// The kernel refused the change.
    #[error("{0}")]
    DataPath(String),
    /// Something went wrong that nobody asked for.
    #[error("{0}")]
    Internal(String),
}

fn list(methods: &[Method]) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
}

/// One mistake among several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Detail {
    pub(super) code: String,
    pub(super) message: String,
    /// Where, in a topology file.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<FilePlace>,
}

/// A place in a topology file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FilePlace {
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Debug, Serialize)]
struct ErrorView {
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
}

impl ApiError {
    /// A topology file with mistakes.
    pub(super) fn file(text: &str, problems: &Problems) -> Self {
        let detail = |problem: &Problem| Detail {
            code: problem.code.map_or(INVALID_FILE, RefusalCode::as_str).to_owned(),
            message: problem.message.clone(),
            place: problem.location.map(|at| FilePlace { line: at.line, column: at.column }),
        };
        Self::File {
            text: problems.render(UNNAMED_FILE, text, false),
            details: problems.iter().map(detail).collect(),
            denied: problems.iter().filter_map(|problem| problem.code).find(|code| code.is_lack_of_role()),
        }
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => status_of(refusal.code()),
            Self::File { denied: Some(code), .. } => status_of(*code),
            Self::Path(PathError::Unknown(_)) => StatusCode::NOT_FOUND,
            Self::Content { .. }
            | Self::File { .. }
            | Self::NoBody
            | Self::Path(_)
            | Self::Parameter { .. }
            | Self::Broken(_)
            | Self::SubnetIsFull { .. } => StatusCode::BAD_REQUEST,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Precondition { .. } => StatusCode::PRECONDITION_FAILED,
            Self::Version { .. } | Self::ReadOnly(_) => StatusCode::CONFLICT,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Slow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::ForeignHost => StatusCode::FORBIDDEN,
            Self::Store(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::DataPath(_) | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The code.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code().as_str(),
            Self::Content { .. } | Self::NoBody | Self::Broken(_) => "InvalidRequestContent",
            Self::File { denied, .. } => denied.map_or(INVALID_FILE, RefusalCode::as_str),
            Self::Path(PathError::Name(_)) => RefusalCode::InvalidResourceName.as_str(),
            Self::Path(_) => "InvalidResourceType",
            Self::Parameter { .. } => "InvalidParameter",
            Self::Method { .. } => "MethodNotAllowed",
            Self::Precondition { .. } => "PreconditionFailed",
            Self::Version { .. } => "Conflict",
            Self::MediaType { .. } => "UnsupportedMediaType",
            Self::TooLarge { .. } => "RequestTooLarge",
            Self::Busy { .. } => "TooManyRequests",
            Self::Slow { .. } => "RequestTimeout",
            Self::Unauthenticated => "AuthenticationFailed",
            Self::ForeignHost => "ForbiddenHost",
            Self::SubnetIsFull { .. } => "SubnetIsFull",
            Self::ReadOnly(_) => "ReadOnly",
            Self::Store(_) => "StoreFailed",
            Self::DataPath(_) => DATA_PATH_FAILED,
            Self::Internal(_) => "InternalServerError",
        }
    }

    /// What the error is about: a property, a parameter, or a resource's id.
    fn target(&self) -> Option<String> {
        match self {
            Self::Content { target, .. } if !target.is_empty() => Some(target.clone()),
            Self::Parameter { name, .. } => Some(name.clone()),
            Self::Precondition { resource, .. } => Some(id::of(resource)),
            Self::SubnetIsFull { subnet } => Some(id::of(subnet)),
            Self::Refused(
                Refusal::ResourceNotFound { resource } | Refusal::ResourceAlreadyExists { resource, .. },
            ) => Some(id::of(resource)),
            _ => None,
        }
    }
}

/// The status that goes with a refusal.
fn status_of(code: RefusalCode) -> StatusCode {
    match code {
        code if code.is_lack_of_role() => StatusCode::FORBIDDEN,
        RefusalCode::ResourceNotFound => StatusCode::NOT_FOUND,
        RefusalCode::ResourceAlreadyExists
        | RefusalCode::AnotherPeeringAlreadyReferencesRemoteVnet
        | RefusalCode::RemotePeeringIsDisconnected
        | RefusalCode::VnetAddressSpaceInUse
        | RefusalCode::OperationNotAllowed
        | RefusalCode::RoleAssignmentExists => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl Rejection for ApiError {
    fn code(&self) -> String {
        self.word().to_owned()
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<ChangeError<Self>> for ApiError {
    fn from(error: ChangeError<Self>) -> Self {
        let text = error.to_string();
        match error {
            ChangeError::Rejected(rejected) => rejected,
            ChangeError::ReadOnly => Self::ReadOnly(text),
            ChangeError::Store(_) => Self::Store(text),
            ChangeError::DataPath(_) => Self::DataPath(text),
            ChangeError::Died(_) => Self::Internal(text),
        }
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal(format!("a task of the agent died: {error}"))
    }
}

impl From<crate::dataplane::kernel::TableError> for ApiError {
    fn from(error: crate::dataplane::kernel::TableError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = ErrorView {
            code: self.word().to_owned(),
            message: self.to_string(),
            target: self.target(),
            details: match &self {
                Self::File { details, .. } => details.clone(),
                _ => Vec::new(),
            },
        };
        let mut response = (self.status(), Json(serde_json::json!({ "error": error }))).into_response();
        let headers = response.headers_mut();
        match &self {
            Self::Method { allowed, .. } => {
                headers
                    .extend(HeaderValue::from_str(&list(allowed)).ok().map(|value| (header::ALLOW, value)));
            }
            Self::Unauthenticated => {
                headers.insert(
                    header::WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"vnet-agent\""),
                );
            }
            // What is left of the body would be taken for the next request.
            Self::TooLarge { .. } | Self::Slow { .. } | Self::Broken(_) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

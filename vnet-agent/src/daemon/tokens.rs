//! Bearer tokens: who asks over TCP, where no kernel vouches for anybody.
//!
//! The token of `DIR/api-token` stands for root. The file is the secret's only place, so it is made with mode 0600 and refused
//! when others could have read it. Of all further tokens the agent keeps digests alone.

use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use super::callers;
use crate::model::access::{Caller, Directory};

/// The file's name in the state directory.
const FILE: &str = "api-token";
/// Where it is written before it has its name.
const UNFINISHED: &str = "api-token.new";
/// How many random bytes a token is made of.
const RANDOM_BYTES: usize = 32;
/// The fewest characters of a token that somebody else wrote into the file.
const MIN_CHARACTERS: usize = 32;
/// The most bytes of the file that are looked at.
const MAX_FILE_BYTES: u64 = 4096;

/// There is no token for root.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file could not be read or made.
    #[error("{path} cannot be {what}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// Why that failed.
        source: io::Error,
    },
    /// Something else has its name.
    #[error("{path} is no regular file; remove it, and the agent makes a new one at its next start", path = path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// Others may have read the token.
    #[error(
        "{path} has mode {mode:04o}, so that others may know the token; remove it, and the agent makes a new one at its next start",
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Somebody else chose the token.
    #[error(
        "{path} belongs to user {owner}, and not to the one that the agent runs as or to root; remove it, and the agent makes a new one at its next start",
        path = path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// To whom it belongs.
        owner: u32,
    },
    /// What is in it cannot be a token.
    #[error(
        "{path} holds no token, which is one line of {min} characters or more without white space; remove it, and the agent makes a new one at its next start",
        path = path.display(),
        min = MIN_CHARACTERS
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The kernel gave no random bytes.
    #[error("a token needs random bytes, and the kernel gave none: {0}")]
    Random(getrandom::Error),
}

/// A new token.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The token itself, for whoever asked for it and nobody else.
    pub text: String,
    /// SHA-256 of it in hexadecimal, to be kept.
    pub sha256: String,
}

/// Makes a token of 256 random bits.
///
/// # Errors
/// [`TokenError::Random`].
pub fn new_token() -> Result<NewToken, TokenError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
    let text = hexadecimal(&bytes);
    let sha256 = hexadecimal(&digest(&text));
    Ok(NewToken { text, sha256 })
}

/// What knows a caller by a token.
pub struct ApiTokens {
    root: [u8; 32],
}

impl ApiTokens {
    /// Takes the token for root from the state directory. Makes one where there is none.
    ///
    /// # Errors
    /// [`TokenError`]: there is a file, and it is not safe to use it; or none could be made.
    pub fn open(directory: &Path) -> Result<Self, TokenError> {
        let path = directory.join(FILE);
        if let Err(error) = fs::symlink_metadata(&path) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(TokenError::File { path, what: "looked at", source: error });
            }
            create(directory, &path)?;
        }
        let text = read(&path)?;
        Ok(Self { root: digest(&text) })
    }

    /// Who sent this value of the header `Authorization`, as in `Bearer TOKEN`; nobody when the token is not valid (any more). It
    /// asks the account database, which may block for a while.
    #[must_use]
    pub fn authenticate(&self, header: &str, directory: &Directory) -> Option<Caller> {
        let (scheme, token) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let given = digest(token.trim_start());
        let mut found = is_same(&given, &self.root).then(Caller::root);
        // All are compared, and each to its end: how long it takes tells nothing about any of them.
        for token in directory.tokens() {
            let is_it = from_hexadecimal(&token.sha256).is_some_and(|kept| is_same(&given, &kept));
            if is_it && found.is_none() {
                found = Some(callers::of_principal(&token.principal));
            }
        }
        found
    }
}

/// Writes a token under another name first: a crash leaves no half of one behind.
fn create(directory: &Path, path: &Path) -> Result<(), TokenError> {
    let unfinished = directory.join(UNFINISHED);
    let failed = |what| {
        let path = path.to_owned();
        move |source| TokenError::File { path, what, source }
    };
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("created")(error)),
        _ => {}
    }
    let token = new_token()?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    let mut file = options.open(&unfinished).map_err(failed("created"))?;
    writeln!(file, "{}", token.text).and_then(|()| file.sync_all()).map_err(failed("written"))?;
    fs::rename(&unfinished, path).map_err(failed("created"))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("written"))
}

fn read(path: &Path) -> Result<String, TokenError> {
    let failed = |source: io::Error| TokenError::File { path: path.to_owned(), what: "read", source };
    // Neither a symbolic link nor a named pipe keeps the agent from starting or leads it elsewhere.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            return Err(TokenError::NoFile { path: path.to_owned() });
        }
        file => file.map_err(failed)?,
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(TokenError::NoFile { path: path.to_owned() });
    }
    check_access(path, metadata.mode(), metadata.uid(), nix::unistd::geteuid().as_raw())?;
    let malformed = || TokenError::Malformed { path: path.to_owned() };
    let mut text = String::new();
    match file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(malformed()),
        length => length.map_err(failed)?,
    };
    let token = text.trim_end_matches(['\n', '\r']);
    let is_token = token.len() >= MIN_CHARACTERS
        && text.len() as u64 <= MAX_FILE_BYTES
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token { Ok(token.to_owned()) } else { Err(malformed()) }
}

fn check_access(path: &Path, mode: u32, owner: u32, own: u32) -> Result<(), TokenError> {
    let path = path.to_owned();
    if mode & 0o077 != 0 {
        return Err(TokenError::Exposed { path, mode: mode & 0o7777 });
    }
    if owner != own && owner != 0 {
        return Err(TokenError::Foreign { path, owner });
    }
    Ok(())
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Compares in a time that does not depend on where two digests differ.
fn is_same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    black_box(left.iter().zip(right).fold(0, |difference, (left, right)| difference | (left ^ right))) == 0
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use pretty_assertions::assert_eq;
    use tempfile::TempDir;

    use super::*;
    use crate::model::State;
    use crate::model::access::Token;

    fn path(directory: &TempDir) -> PathBuf {
        directory.path().join(FILE)
    }

    /// Writes a file in place of the token's.
    fn with_file(text: &str, mode: u32) -> TempDir {
        let directory = TempDir::new().unwrap();
        fs::write(path(&directory), text).unwrap();
        fs::set_permissions(path(&directory), fs::Permissions::from_mode(mode)).unwrap();
        directory
    }

    /// The error of opening, without the directory's name.
    #[track_caller]
    fn refused(directory: &TempDir) -> String {
        let error = ApiTokens::open(directory.path()).err().expect("the token is refused").to_string();
        error.replace(&directory.path().display().to_string(), "DIR")
    }

    #[test]
    fn a_token_is_made_at_the_first_start_that_its_owner_alone_can_read_and_kept() {
        let directory = TempDir::new().unwrap();
        let tokens = ApiTokens::open(directory.path()).unwrap();
        let metadata = fs::metadata(path(&directory)).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o600);
        let text = fs::read_to_string(path(&directory)).unwrap();
        assert_eq!(text.trim_end().len(), 64);
        let header = format!("Bearer {}", text.trim_end());
        assert_eq!(tokens.authenticate(&header, &Directory::default()), Some(Caller::root()));
        let again = ApiTokens::open(directory.path()).unwrap();
        assert_eq!(again.authenticate(&header, &Directory::default()), Some(Caller::root()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_behind_is_no_token() {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join(UNFINISHED), "half a tok").unwrap();
        ApiTokens::open(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(path(&directory)).unwrap().trim_end().len(), 64);
        assert!(!directory.path().join(UNFINISHED).exists());
    }

    #[test]
    fn a_token_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
            let directory = with_file(&"x".repeat(64), mode);
            let expected = format!(
                "DIR/api-token has mode {mode:04o}, so that others may know the token; remove it, and the agent makes a new one \
                 at its next start"
            );
            assert_eq!(refused(&directory), expected);
        }
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let message =
            "DIR/api-token is no regular file; remove it, and the agent makes a new one at its next start";
        let directory = TempDir::new().unwrap();
        fs::create_dir(path(&directory)).unwrap();
        assert_eq!(refused(&directory), message);
        // A link is not followed, not even to a token that would do, nor is it replaced.
        let target = with_file(&"x".repeat(64), 0o600);
        for target in [path(&target), PathBuf::from("/nowhere")] {
            let directory = TempDir::new().unwrap();
            symlink(&target, path(&directory)).unwrap();
            assert_eq!(refused(&directory), message);
        }
        let directory = TempDir::new().unwrap();
        nix::unistd::mkfifo(&path(&directory), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        assert_eq!(refused(&directory), message);
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let check =
            |owner, own| check_access(Path::new("f"), 0o100_600, owner, own).map_err(|e| e.to_string());
        assert_eq!(check(0, 1000), Ok(()));
        assert_eq!(check(1000, 1000), Ok(()));
        assert_eq!(
            check(1001, 1000),
            Err("f belongs to user 1001, and not to the one that the agent runs as or to root; remove it, and the agent makes a \
                 new one at its next start"
                .to_owned())
        );
    }

    #[test]
    fn what_cannot_be_a_token_is_refused() {
        let long = "x".repeat(5000);
        let spaced = format!("{} {}", "x".repeat(32), "y".repeat(32));
        for text in ["", "\n", "short", &long, &spaced, &"ü".repeat(32)] {
            let message = refused(&with_file(text, 0o600));
            assert!(
                message.starts_with("DIR/api-token holds no token, which is one line of 32 characters"),
                "{message}"
            );
        }
        assert!(ApiTokens::open(with_file(&"x".repeat(32), 0o600).path()).is_ok());
    }

    #[test]
    fn a_state_directory_that_is_missing_is_said() {
        let directory = TempDir::new().unwrap();
        let error = ApiTokens::open(&directory.path().join("nowhere")).err().unwrap().to_string();
        assert!(error.contains("nowhere/api-token cannot be created: No such file or directory"), "{error}");
    }

    #[test]
    fn two_tokens_are_never_the_same_and_carry_their_digest() {
        let (one, other) = (new_token().unwrap(), new_token().unwrap());
        assert_ne!(one.text, other.text);
        assert_eq!(from_hexadecimal(&one.sha256), Some(digest(&one.text)));
    }

    #[test]
    fn a_further_token_stands_for_its_principal_until_it_is_deleted() {
        let root = with_file(&"x".repeat(64), 0o600);
        let tokens = ApiTokens::open(root.path()).unwrap();
        let new = new_token().unwrap();
        let principal: crate::model::access::Principal = "user:no-such-user".parse().unwrap();
        let kept = Token { name: "ci".to_owned(), principal: principal.clone(), sha256: new.sha256.clone() };
        let other = Token { name: "a".to_owned(), sha256: "no digest".to_owned(), ..kept.clone() };
        let state = State::default().put_token(other).unwrap().put_token(kept).unwrap();
        let who = |header: &str| tokens.authenticate(header, &state.directory);
        let expected = Some(Caller::new(principal, []));
        for header in ["Bearer TOKEN", "bearer TOKEN", "BEARER   TOKEN"] {
            assert_eq!(who(&header.replace("TOKEN", &new.text)), expected, "{header}");
        }
        let sha256 = format!("Bearer {}", new.sha256);
        for header in ["", "Bearer", "Bearer ", &new.text, &format!("Basic {}", new.text), &sha256] {
            assert_eq!(who(header), None, "{header}");
        }
        assert_eq!(who(&format!("Bearer {}", &new.text[1..])), None);
        assert_eq!(who(&format!("Bearer {}", "x".repeat(64))), Some(Caller::root()));
        let deleted = state.delete_token("ci").unwrap();
        assert_eq!(tokens.authenticate(&format!("Bearer {}", new.text), &deleted.directory), None);
    }

    #[test]
    fn digests_differ_by_any_bit() {
        let one = digest("one");
        assert!(is_same(&one, &one.clone()));
        for bit in 0..256 {
            let mut other = one;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_same(&one, &other), "bit {bit}");
        }
    }
}

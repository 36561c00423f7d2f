//! Reading a topology file from the disk.
//!
//! Apart from `config`, which touches no file, and in one place, so that every command and the running agent read under the
//! same limit: an endless file (`/dev/zero`, a pipe that never ends) must not take the machine's memory, least of all
//! through an agent that was only asked to look at its file again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::config::MAX_FILE_BYTES;

/// A topology file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The kernel said no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Longer than a topology file may be.
    #[error("it has more than {MAX_FILE_BYTES} bytes, the most that a topology file may have")]
    TooLong,
    /// No text, or text of another encoding.
    #[error("it is not UTF-8: line {line} holds other bytes; a topology file is YAML in UTF-8")]
    NotText {
        /// The first line with such bytes, from 1.
        line: usize,
    },
    /// The agent may not read it: root or not, it has kept no right over the files of others.
    #[error(
        "the agent may not: it has given up root's right to read every file; let others read the file and pass the \
         directories above it, or give it to the agent's own user"
    )]
    Denied,
    /// A pipe, a device or the like, where the file is to be read again and again.
    #[error("it is no regular file, and the agent reads it again at every SIGHUP")]
    NotRegular,
}

/// The text of a file of any kind: a pipe serves a command that reads once.
///
/// # Errors
/// [`InputError`].
pub fn read(path: &Path) -> Result<String, InputError> {
    text_of(File::open(path)?)
}

/// The text that comes by the standard input.
///
/// # Errors
/// [`InputError`].
pub fn read_stdin() -> Result<String, InputError> {
    text_of(io::stdin().lock())
}

/// The text of a regular file, for whoever reads it again later. Never waits for the writer of a pipe.
///
/// # Errors
/// [`InputError`].
pub fn read_regular(path: &Path) -> Result<String, InputError> {
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => InputError::Denied,
        _ => error.into(),
    })?;
    let metadata = file.metadata()?;
    // Reading a directory has the kernel's own words.
    if metadata.is_file() || metadata.is_dir() { text_of(file) } else { Err(InputError::NotRegular) }
}

fn text_of(reader: impl Read) -> Result<String, InputError> {
    let mut bytes = Vec::new();
    reader.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(InputError::TooLong);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        InputError::NotText { line: valid.iter().filter(|byte| **byte == b'\n').count() + 1 }
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn an_endless_file_is_read_up_to_the_limit_and_refused() {
        assert!(matches!(read(Path::new("/dev/zero")), Err(InputError::TooLong)));
        assert_eq!(text_of(io::repeat(b'#').take(MAX_FILE_BYTES as u64)).unwrap().len(), MAX_FILE_BYTES);
    }

    #[test]
    fn what_is_no_text_is_named_by_its_line() {
        for (bytes, line) in [(&b"\xff\xfev\0"[..], 1), (b"a: 1\nb: \xc3\xa9\nc: \xe9\n", 3), (b"\n\xc3", 2)]
        {
            let found = text_of(bytes);
            assert!(matches!(found, Err(InputError::NotText { line: at }) if at == line), "{found:?}");
        }
    }

    #[test]
    fn a_file_that_is_read_again_and_again_is_a_regular_one_and_a_pipe_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let (pipe, file) = (directory.path().join("pipe"), directory.path().join("file"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::fs::write(&file, "virtualNetworks: []\n").unwrap();
        for other in [pipe.as_path(), Path::new("/dev/zero")] {
            assert!(matches!(read_regular(other), Err(InputError::NotRegular)), "{other:?}");
        }
        assert_eq!(read_regular(&file).unwrap(), "virtualNetworks: []\n");
        assert!(matches!(read_regular(directory.path()), Err(InputError::Io(_))));
    }
}

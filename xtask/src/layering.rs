//! The dependencies between the agent's modules: what is pure stays pure.
//!
//! `model`, `config`, `routing` and `compile` work on values alone. An import of the kernel, the disk or the network in
//! one of them fails the tests, before a reviewer has to find it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::root;

const PURE: [&str; 4] = ["model", "config", "routing", "compile"];
const FORBIDDEN: [&str; 8] =
    ["aya", "tokio", "std::fs", "std::process", "TcpStream", "UdpSocket", "netlink", "rtnetlink"];

/// Fails where a pure module imports something that is not.
pub(crate) fn check() -> Result<()> {
    let mut found = Vec::new();
    for module in PURE {
        let directory = root().join("vnet-agent/src").join(module);
        check_directory(&directory, &mut found)
            .with_context(|| format!("{} cannot be read", directory.display()))?;
    }
    if !found.is_empty() {
        bail!("modules that must stay pure import what they must not:\n{}", found.join("\n"));
    }
    eprintln!("layering: {} are pure", PURE.join(", "));
    Ok(())
}

fn check_directory(directory: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if is_test {
            continue;
        }
        if path.is_dir() {
            check_directory(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let shown = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            found.extend(impure_lines(&fs::read_to_string(&path)?).map(|line| format!("{shown}:{line}")));
        }
    }
    Ok(())
}

/// The lines of a source, with their numbers, that name something forbidden; comments and what follows
/// `#[cfg(test)]` left out.
fn impure_lines(source: &str) -> impl Iterator<Item = String> {
    let code =
        source.lines().take_while(|line| line.trim() != "#[cfg(test)]" || !source.contains("mod tests {"));
    code.enumerate().filter_map(|(index, line)| {
        let code = line.split("//").next().unwrap_or_default();
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let names = code.split(|c: char| !is_word(c));
        let mut forbidden =
            names.filter(|name| FORBIDDEN.iter().any(|f| name == f || name.starts_with(&format!("{f}::"))));
        forbidden.next().map(|name| format!("{}: {name}", index + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        impure_lines(source).collect()
    }

    #[test]
    fn an_import_of_the_kernel_the_disk_or_the_network_is_found() {
        assert_eq!(found("use std::fmt;\nuse aya::Ebpf;\n"), ["2: aya::Ebpf"]);
        assert_eq!(found("fn f() { std::fs::read(\"x\"); }\n"), ["1: std::fs::read"]);
        assert_eq!(found("use tokio::{net, time};\n"), ["1: tokio::"]);
        assert_eq!(found("use rtnetlink as nl;\n"), ["1: rtnetlink"]);
    }

    #[test]
    fn words_that_only_look_alike_comments_and_tests_are_not() {
        assert_eq!(found("let ayatollah = 1; // aya::Ebpf\n"), [""; 0]);
        assert_eq!(found("fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n"), [""; 0]);
    }
}

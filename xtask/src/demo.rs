//! The demo: an example's topology as namespaces, real traffic through it, and what came of it.
//!
//! It drives the agent as a user would, by its commands. Whatever happens on the way (a failure, Ctrl-C), the lab and the
//! agent are taken down again, and the demo looks afterwards whether anything was left.

mod rig;
mod traffic;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;

use self::rig::Rig;
use crate::command::root;
use crate::{build, test};

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// An example by its name, or the path of a topology file
    #[arg(default_value = "nontransitive")]
    topology: String,
}

impl Options {
    fn file(&self) -> Result<PathBuf> {
        let example = root().join("examples").join(&self.topology).with_extension("yaml");
        let candidates = [example, PathBuf::from(&self.topology)];
        let file = candidates.into_iter().find(|file| file.is_file()).with_context(|| {
            format!("{:?} is neither a topology file nor the name of an example", self.topology)
        })?;
        // The agent runs at the top of the tree, wherever this was called. What is in the tree is named from there: the way to
        // it may lead through a home that is closed to others, and an agent, even root's, is one of those.
        let file =
            std::path::absolute(&file).with_context(|| format!("{} has no absolute path", file.display()))?;
        Ok(file.strip_prefix(root()).map_or_else(|_| file.clone(), Path::to_owned))
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let file = options.file()?;
    test::prepare("demo")?;
    let agent = build::compile(false)?;
    rig::watch_for_interrupts()?;

    let mut rig = Rig::new(agent, file)?;
    let shown = rig.up().and_then(|()| show(&mut rig));
    let left = rig.down();
    // Ctrl-C ends the programs of the demo too: what they say of it is not what went wrong.
    let shown = if rig::is_interrupted() { Err(anyhow!("interrupted")) } else { shown };
    let (agreed, total) = match (shown, left) {
        (Ok(cells), Ok(())) => cells,
        (Err(error), Err(left)) => bail!("{error:#}; then: {left:#}"),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error),
    };
    println!("\nmatrix: {agreed} of {total} as expected");
    if agreed != total {
        bail!("{} of {total} cells of the matrix are not as the rules say", total - agreed);
    }
    Ok(())
}

/// Sends traffic and prints what happened; how many cells of the matrix are as expected, and how many there are.
fn show(rig: &mut Rig) -> Result<(usize, usize)> {
    traffic::show(rig)?;
    heading("the matrix");
    let matrix = rig.show(&["matrix", "--probe"])?;
    heading("drops by reason");
    rig.show(&["drops", "--non-zero"])?;
    heading("counters");
    rig.show(&["counters"])?;
    traffic::agreement(&matrix)
}

pub(crate) fn heading(text: &str) {
    println!("\n== {text}");
}

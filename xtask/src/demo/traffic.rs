//! Traffic between NICs of the lab, by the tools that everybody has: ping, iperf3, traceroute.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::heading;
use super::rig::Rig;

/// One direction of the matrix.
struct Pair {
    from: String,
    to: String,
    /// The receiver's address.
    address: String,
}

/// How many cells of a probed matrix are as expected, and how many there are.
pub(super) fn agreement(matrix: &Value) -> Result<(usize, usize)> {
    let count = |name: &str| {
        let value = matrix[name].as_u64().and_then(|count| usize::try_from(count).ok());
        value.with_context(|| format!("the matrix has no {name}"))
    };
    Ok((count("asExpected")?, count("total")?))
}

/// Shows that packets cross a peering, and that they do not where there is none.
pub(super) fn show(rig: &mut Rig) -> Result<()> {
    let nics = rig.ask(&["nic", "list"])?;
    let matrix = rig.ask(&["matrix"])?;
    if let Some(pair) = across(&nics, &matrix, true)? {
        heading(&format!("{} to {}, across a peering: ping, traceroute, TCP, UDP", pair.from, pair.to));
        crossing(rig, &pair)?;
    }
    if let Some(pair) = across(&nics, &matrix, false)? {
        heading(&format!("{} to {}, which the rules keep apart: no answer", pair.from, pair.to));
        if rig.run_in(&pair.from, &["ping", "-c", "2", "-W", "1", &pair.address])? {
            bail!("{} answers {}, which the rules keep apart", pair.to, pair.from);
        }
    }
    Ok(())
}

fn crossing(rig: &mut Rig, pair: &Pair) -> Result<()> {
    let address = pair.address.as_str();
    let required = |rig: &mut Rig, arguments: &[&str]| {
        if !rig.run_in(&pair.from, arguments)? {
            bail!("`{}` failed in {}", arguments.join(" "), pair.from);
        }
        Ok(())
    };
    required(rig, &["ping", "-c", "3", "-i", "0.2", address])?;
    // One hop: the receiver. The virtual router does not show.
    required(rig, &["traceroute", "-n", "-m", "3", "-q", "1", address])?;
    for protocol in [&[][..], &["-u", "-b", "50M"]] {
        let mut server = rig
            .exec(&pair.to, &["iperf3", "-s", "-1"])
            .stdout(Stdio::null())
            .spawn()
            .context("iperf3 could not be started")?;
        std::thread::sleep(Duration::from_millis(500));
        let client = [&["iperf3", "-c", address, "-t", "2", "-i", "0"][..], protocol].concat();
        let sent = required(rig, &client);
        if sent.is_err() {
            server.kill()?;
        }
        // Waited for where it was killed, too.
        let ended = rig.wait(server);
        sent?;
        ended?;
    }
    Ok(())
}

/// The first two NICs of different virtual networks that the rules join, or keep apart.
fn across(nics: &Value, matrix: &Value, expected: bool) -> Result<Option<Pair>> {
    let nics = nics.as_array().context("the list of NICs is no list")?;
    let find = |name: &Value| nics.iter().find(|nic| nic["name"] == *name);
    let cells = matrix["cells"].as_array().context("the matrix has no cells")?;
    for cell in cells.iter().filter(|cell| cell["expected"] == expected) {
        let (Some(from), Some(to)) = (find(&cell["from"]), find(&cell["to"])) else { continue };
        if from["virtualNetwork"] == to["virtualNetwork"] {
            continue;
        }
        let is_v6 = cell["family"] == "IPv6";
        let addresses = to["addresses"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let address = addresses.into_iter().find(|address| address.contains(':') == is_v6);
        if let (Some(address), Some(from), Some(to)) = (address, from["name"].as_str(), to["name"].as_str()) {
            return Ok(Some(Pair { from: from.to_owned(), to: to.to_owned(), address: address.to_owned() }));
        }
    }
    Ok(None)
}

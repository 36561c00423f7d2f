//! How many CPUs there are.

use std::fs;
use std::io;

use super::LabError;

const ONLINE: &str = "/sys/devices/system/cpu/online";

/// How many CPUs are online: not how many this process may use, since the kernel sends on all of them.
pub(super) fn online() -> Result<u32, LabError> {
    let failed = LabError::system(format!("read the number of CPUs from {ONLINE}"));
    let count = || -> io::Result<u32> {
        let text = fs::read_to_string(ONLINE)?;
        count_of(text.trim()).ok_or_else(|| io::Error::other(format!("{text:?} is no list of CPUs")))
    };
    count().map_err(failed)
}

/// How many numbers stand in a list of ranges such as `0-3,8`.
fn count_of(list: &str) -> Option<u32> {
    let mut count = 0u32;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        count = count.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_numbers_are_counted() {
        assert_eq!(count_of("0"), Some(1));
        assert_eq!(count_of("0-3,8,10-11"), Some(7));
    }

    #[test]
    fn a_list_that_makes_no_sense_is_none() {
        for list in ["", "a", "3-1", "0-4294967295", "1,"] {
            assert_eq!(count_of(list), None, "{list:?}");
        }
    }

    #[test]
    fn this_machine_has_a_cpu() {
        assert!(online().unwrap() >= 1);
    }
}

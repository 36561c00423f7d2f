//! Limits: what is too much ends with a sentence, soon.

use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::super::{MAX_DEPTH, MAX_FILE_BYTES, MAX_PROBLEMS, MAX_VALUES};
use super::*;

#[test]
fn a_file_beyond_the_limit_of_size_is_not_read() {
    let text = "#".repeat(MAX_FILE_BYTES + 1);
    assert_eq!(
        problems(&text).to_string(),
        format!("the file has {} bytes; {MAX_FILE_BYTES} are the most", MAX_FILE_BYTES + 1)
    );
}

#[rstest]
#[case::flow("[", "]")]
#[case::mappings("{a: ", "}")]
#[case::block("- ", "")]
fn nesting_ends_at_the_limit(#[case] open: &str, #[case] close: &str) {
    let nested = |depth: usize| format!("{}1{}\n", open.repeat(depth), close.repeat(depth));
    let deep = problems(&nested(MAX_DEPTH));
    assert!(!deep.to_string().contains("nested"), "{deep}");
    for depth in [MAX_DEPTH + 1, 200, 300, 100_000] {
        let too_deep = problems(&nested(depth));
        let expected = format!("lists and mappings are nested more than {MAX_DEPTH} deep here");
        assert_eq!(too_deep.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn aliases_that_would_multiply_are_counted_and_refused() {
    let mut text = "virtualNetworks:\n- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let above = level - 1;
        text.push_str(&format!("- &a{level} [{}]\n", vec![format!("*a{above}"); 10].join(", ")));
    }
    let start = Instant::now();
    let problems = problems(&text);
    let [problem] = problems.iter().collect::<Vec<_>>()[..] else { panic!("{problems}") };
    assert_eq!(
        problem.message,
        format!("the file holds more than {MAX_VALUES} values, those of aliases counted too")
    );
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn aliases_within_reason_stand_for_what_they_name() {
    let text = "\
virtualNetworks:
- { name: a, region: &r north, addressSpace: &s [10.0.0.0/16] }
- { name: b, region: *r, addressSpace: *s }
";
    let topology = loaded(text).topology;
    let [a, b] = topology.vnets().collect::<Vec<_>>()[..] else { panic!("{topology:?}") };
    assert_eq!((b.region(), b.address_space()), (a.region(), a.address_space()));
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let more = 23;
    let text = format!("virtualNetworks:\n{}", "- {}\n".repeat(MAX_PROBLEMS + more));
    let problems = problems(&text);
    // Three keys are missing in each.
    assert_eq!((problems.iter().len(), problems.omitted()), (MAX_PROBLEMS, 2 * MAX_PROBLEMS + 3 * more));
    assert!(
        problems.render("my.yaml", &text, false).ends_with(&format!("\n\nand {} more", problems.omitted()))
    );
    assert!(problems.to_string().ends_with(&format!("\nand {} more", problems.omitted())));
}

#[test]
fn a_thousand_mistakes_on_one_endless_line_take_no_endless_time() {
    let text =
        format!("virtualNetworks: [{}]\n", "{name: a b, region: x, addressSpace: []}, ".repeat(20_000));
    let start = Instant::now();
    let problems = problems(&text);
    let shown = problems.render("my.yaml", &text, false);
    assert_eq!(problems.iter().len(), MAX_PROBLEMS);
    assert!(shown.contains("\n--> my.yaml:1:26\n"), "{}", &shown[..500]);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

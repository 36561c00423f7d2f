//! What a person sees, character by character.

use pretty_assertions::assert_eq;

use super::*;

fn rendered(text: &str) -> String {
    problems(text).render("my.yaml", text, false)
}

#[test]
fn a_mistake_is_shown_with_its_line_and_carets() {
    let text = "virtualNetworks:\n  - name: a\n    region: x\n    adressSpace: [10.0.0.0/16]\n";
    let expected = "\
error: a virtual network has no key `adressSpace`; did you mean `addressSpace`?
 --> my.yaml:4:5
  |
4 |     adressSpace: [10.0.0.0/16]
  |     ^^^^^^^^^^^";
    assert_eq!(rendered(text), expected);
}

#[test]
fn a_refusal_is_shown_with_its_code_and_what_it_collides_with() {
    let text = "\
virtualNetworks:
  - name: office
    region: x
    addressSpace: [10.1.0.0/16]
    subnets:
      - name: large
        addressPrefixes:
          - 10.1.0.0/20
      - { name: small, addressPrefixes: [ 10.1.9.0/24 ] }
";
    let expected = "\
error[SubnetsOverlap]: prefix 10.1.9.0/24 of subnet office/small meets 10.1.0.0/20 of subnet office/large
 --> my.yaml:9:43
  |
9 |       - { name: small, addressPrefixes: [ 10.1.9.0/24 ] }
  |                                           ^^^^^^^^^^^
  |
note: 10.1.0.0/20 of subnet office/large stands here
 --> my.yaml:8:13
  |
8 |           - 10.1.0.0/20
  |             ^^^^^^^^^^^";
    assert_eq!(rendered(text), expected);
}

#[test]
fn mistakes_are_shown_one_after_the_other_with_help_where_there_is_any() {
    let text = "virtualNetworks: [{name: a, region: x, addressSpace: 10.0.0.0/16, color: blue}]\n";
    let expected = "\
error: `addressSpace` must be a list, but this is a single value
 --> my.yaml:1:54
  |
1 | virtualNetworks: [{name: a, region: x, addressSpace: 10.0.0.0/16, color: blue}]
  |                                                      ^^^^^^^^^^^
  |
help: write `addressSpace: [10.0.0.0/16]`

error: a virtual network has no key `color`
 --> my.yaml:1:67
  |
1 | virtualNetworks: [{name: a, region: x, addressSpace: 10.0.0.0/16, color: blue}]
  |                                                                   ^^^^^
  |
help: the keys of a virtual network are name, region, addressSpace, subnets, peerings, subscription, resourceGroup";
    assert_eq!(rendered(text), expected);
}

#[test]
fn a_mistake_at_the_end_of_the_file_is_shown_there() {
    let expected = "\
error: this is no YAML: unclosed bracket '['
 --> my.yaml:1:18
  |
1 | virtualNetworks: [
  |                  ^";
    assert_eq!(rendered("virtualNetworks: ["), expected);
}

#[test]
fn a_mistake_of_the_whole_file_names_the_file_alone() {
    let expected = "\
error: the file is empty; to have no virtual network at all, write `virtualNetworks: []`
--> my.yaml";
    assert_eq!(rendered("\n\n"), expected);
}

#[test]
fn carets_stand_under_wide_characters_tabs_and_windows_line_ends() {
    let text = "virtualNetworks:\r\n- name: \"\u{6771}\u{4eac}\"\r\n  region:\tx y\r\n  addressSpace: [10.0.0.0/16]\r\n";
    let expected = "\
error[InvalidResourceName]: virtual network name \"\u{6771}\u{4eac}\" holds '\u{6771}'; letters, digits, `.`, `-` and `_` are allowed
 --> my.yaml:2:9
  |
2 | - name: \"\u{6771}\u{4eac}\"
  |         ^^^^^^

error[InvalidResourceName]: region name \"x y\" holds ' '; letters, digits, `.`, `-` and `_` are allowed
 --> my.yaml:3:11
  |
3 |   region:    x y
  |              ^^^";
    assert_eq!(rendered(text), expected);
}

#[test]
fn an_object_of_many_lines_is_shown_by_its_first() {
    let text = "virtualNetworks:\n- region: x\n  addressSpace: [10.0.0.0/16]\n";
    let expected = "\
error: a virtual network needs the key `name`
 --> my.yaml:2:3
  |
2 | - region: x
  |   ^^^^^^^^^";
    assert_eq!(rendered(text), expected);
}

#[test]
fn a_line_that_nobody_reads_is_named_and_not_shown() {
    let padding = " ".repeat(5_000);
    let text = format!("virtualNetworks:{padding}[]\nnics:{padding}[] # {padding}\ncolor: {padding}{{}}");
    let expected = "\
error: the file has no key `color`
--> my.yaml:3:1
 |
help: the keys of the file are virtualNetworks, nics, assertions, subscriptions, roleAssignments, subscription, resourceGroup";
    assert_eq!(rendered(&text), expected);
}

#[test]
fn nothing_that_a_terminal_would_act_on_is_printed() {
    let names = ["\\e[31m", "\\x9b31m", "\\a", "\\u202e"];
    let mut text = "virtualNetworks:\n".to_owned();
    for name in names {
        text.push_str(&format!(
            "- {{\"{name}\": \"{name}\", name: \"{name}\", addressSpace: [\"{name}\"]}}\n"
        ));
    }
    // Within a scalar, YAML itself takes what it calls printable; these two lie beyond ASCII and in no terminal's interest.
    text.push_str("- {\"\u{202e}\": \"\u{85}\", region: \"\u{202e}\"} # \u{85}\n# \u{9b}31m \u{1b}[31m\n");
    let shown = problems(&text).render("\u{1b}]0;title\u{7}.yaml", &text, false);
    let acted_on = |c: char| {
        c.is_control() && c != '\n'
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    assert_eq!(shown.chars().filter(|c| acted_on(*c)).collect::<Vec<_>>(), [], "{shown}");
    assert!(shown.contains("error"));
}

#[test]
fn colors_are_there_when_asked_for_and_change_no_word() {
    let text = "virtualNetworks:\n  - name: a\n    region: x\n    adressSpace: [10.0.0.0/16]\n";
    let colored = problems(text).render("my.yaml", text, true);
    assert!(colored.contains("\u{1b}["));
    let mut plain = String::new();
    let mut parts = colored.split("\u{1b}[");
    plain.push_str(parts.next().unwrap());
    parts.for_each(|part| plain.push_str(part.split_once('m').unwrap().1));
    assert_eq!(plain, rendered(text));
}

#[test]
fn another_text_than_the_one_that_was_loaded_is_no_panic() {
    let text = "virtualNetworks:\n  - name: \u{e4}\n";
    let problems = problems(text);
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let shown = problems.render("my.yaml", &text[..end], false);
        assert!(shown.contains("error[InvalidResourceName]"));
    }
    assert!(problems.render("my.yaml", &"\u{1f980}".repeat(100), false).contains("my.yaml"));
}

//! Characters that do something other than be read: a terminal obeys them, or a line looks like another one because of them.
//!
//! What is printed may come from anybody who may ask the agent something: the activity log has what strangers tried.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character is a control character, a line or paragraph separator, invisible, or changes the direction of writing.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// A text for one cell or line: `\n`, `\t` or `\u{1b}` stands for each such character.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_active(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    Cow::Owned(escaped)
}

/// JSON that says the same and has no such character but the line ends between its parts.
pub(super) fn escaped_json(json: &str) -> Cow<'_, str> {
    // Such a character stands in strings alone, where a text may have any as its escape.
    let is_active = |c: char| c != '\n' && is_active(c);
    if !json.contains(is_active) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_active(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_line_end("a\nb", r"a\nb")]
    #[case::a_tab("a\tb", r"a\tb")]
    #[case::a_carriage_return("a\rb", r"a\rb")]
    #[case::a_color("\x1b[31mred", r"\u{1b}[31mred")]
    #[case::a_color_in_one_character("\u{9b}31mred", r"\u{9b}31mred")]
    #[case::delete("a\x7f", r"a\u{7f}")]
    #[case::from_right_to_left("a\u{202e}b", r"a\u{202e}b")]
    #[case::a_line_separator("a\u{2028}b", r"a\u{2028}b")]
    #[case::nothing_to_see("a\u{200b}b\u{feff}", r"a\u{200b}b\u{feff}")]
    #[case::a_tag("\u{e0041}", r"\u{e0041}")]
    fn what_would_act_is_shown_as_its_escape(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(escaped(text), shown);
    }

    #[test]
    fn what_is_only_read_stays_as_it_is() {
        for text in ["", "user:alice", "Größe \"5\" \\ 大", "é"] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn json_says_the_same_without_them() {
        let value = serde_json::json!({"a\u{9b}": ["\x1b\n\u{202e}", "\u{e0041}", "é"]});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let escaped = escaped_json(&text);
        assert!(!escaped.chars().any(|c| c != '\n' && is_active(c)), "{escaped}");
        assert!(escaped.contains("é"));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}

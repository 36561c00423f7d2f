//! Problems for people: code, sentence, place, and the line of the file with carets under what is meant.

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};

use super::problem::{Location, Problem, Problems};

/// The longest line that is shown. A line beyond it was not written by hand, and would be cut to a screen's width anyway.
const MAX_LINE_BYTES: usize = 4_096;

impl Problems {
    /// Every problem with the lines of the file that it is about, as a compiler would show them.
    ///
    /// `text` must be the text that was loaded, or the wrong lines are shown. Characters that a terminal would act on are
    /// replaced, in the file's name too.
    #[must_use]
    pub fn render(&self, file_name: &str, text: &str, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let file = File { name: normalize_untrusted_str(file_name), text };
        let mut shown: Vec<String> =
            self.iter().map(|problem| renderer.render(&file.report(problem))).collect();
        if self.omitted() > 0 {
            shown.push(format!("and {} more", self.omitted()));
        }
        shown.join("\n\n")
    }
}

struct File<'a> {
    name: String,
    text: &'a str,
}

impl<'a> File<'a> {
    fn report<'r>(&'r self, problem: &'r Problem) -> Vec<Group<'r>> {
        let mut title = Level::ERROR.primary_title(problem.message.as_str());
        if let Some(code) = problem.code {
            title = title.id(code.as_str());
        }
        let mut groups = vec![title.element(match problem.location {
            Some(location) => self.show(location),
            None => Origin::path(self.name.as_str()).into(),
        })];
        groups.extend(problem.notes.iter().map(|note| {
            let title = Level::NOTE.secondary_title(normalize_untrusted_str(&note.message));
            title.element(self.show(note.location))
        }));
        let help = problem.help.iter().map(|help| Level::HELP.secondary_title(normalize_untrusted_str(help)));
        groups.extend(help.map(Group::with_title));
        groups
    }

    /// The line with carets; for a line that nobody would want to see, its place alone.
    fn show(&self, location: Location) -> Element<'_> {
        let Some((before, line)) = self.line(location.offset).filter(|(_, l)| l.len() <= MAX_LINE_BYTES)
        else {
            let origin = Origin::path(self.name.as_str()).line(location.line);
            return origin.char_column(location.column).into();
        };
        let behind = line.get(before..).unwrap_or_default();
        let covered: usize = behind.chars().take(location.length).map(char::len_utf8).sum();
        let annotation: Annotation<'_> = AnnotationKind::Primary.span(before..before + covered);
        let snippet = Snippet::source(printable(line)).line_start(location.line).path(self.name.as_str());
        snippet.annotation(annotation).into()
    }

    /// The line that holds the byte `offset`, without its end, and how many of its bytes come before that one.
    fn line(&self, offset: usize) -> Option<(usize, &'a str)> {
        let (before, behind) = self.text.split_at_checked(offset)?;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = behind.find('\n').map_or(self.text.len(), |at| offset + at);
        let line = self.text.get(start..end)?;
        Some((
            offset - start,
            line.strip_suffix('\r').filter(|line| line.len() >= offset - start).unwrap_or(line),
        ))
    }
}

/// The renderer replaces ASCII's control characters. Those of Latin-1, which some terminals act on too, give way here to a dot
/// that has as many bytes.
fn printable(line: &str) -> String {
    line.replace(|character| ('\u{80}'..='\u{9f}').contains(&character), "\u{b7}")
}

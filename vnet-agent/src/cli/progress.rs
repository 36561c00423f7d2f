//! Signs of life of what takes its time, on a terminal alone.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a sign of life is given.
const TICK: Duration = Duration::from_millis(100);

/// A line on the standard error that shows how long something has been going on. Dropped, it is gone.
pub(super) struct Spinner(ProgressBar);

impl Spinner {
    /// Begins. Shows nothing where the standard error is no terminal.
    pub(super) fn start(doing: &'static str) -> Self {
        // Without a style of its own it would still be a sign of life.
        let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(doing);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

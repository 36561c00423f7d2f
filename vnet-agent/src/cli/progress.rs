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
        // At once, however short it is.
        bar.tick();
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line on the standard error that shows how many rounds of a measurement are done. Drawn between the rounds alone, by whoever
/// measures: nothing is to run beside them. Dropped, it is gone.
pub(super) struct Rounds(ProgressBar);

impl Rounds {
    /// Begins. Shows nothing where the standard error is no terminal.
    pub(super) fn start() -> Self {
        // Without a style of its own it would still be a bar.
        let style = ProgressStyle::with_template("round {pos} of {len} {wide_bar} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::no_length().with_style(style))
    }

    /// So many are done, of so many.
    pub(super) fn show(&self, done: u32, total: u32) {
        self.0.set_length(total.into());
        self.0.set_position(done.into());
    }
}

impl Drop for Rounds {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

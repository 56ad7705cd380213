//! Telling how far the work is: bars on a terminal, plain lines when piped, nothing when quiet.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, OutputOptions, interrupt};
use crate::engine::{Engine, Job, Progress};

/// Says on stderr how far the work is.
pub(super) struct Reporter {
    manner: Manner,
    stage: Option<String>,
    /// Which piece of many the work is at.
    piece: Option<String>,
}

enum Manner {
    Silent,
    Lines,
    Bar(ProgressBar),
}

impl Reporter {
    /// A reporter in the manner that the user's options and the terminal ask for.
    pub fn new(console: OutputOptions) -> Self {
        let manner = if console.quiet {
            Manner::Silent
        } else if stderr().is_terminal() {
            Manner::Bar(bar())
        } else {
            Manner::Lines
        };
        Self {
            manner,
            stage: None,
            piece: None,
        }
    }

    /// The next piece of many is begun: `place` says which of how many, `name` what it is.
    pub fn begin_piece(&mut self, place: &str, name: &str) {
        self.stage = None;
        match &self.manner {
            Manner::Silent => {}
            Manner::Lines => eprintln!("{place}: {name}"),
            Manner::Bar(_) => self.piece = Some(place.to_owned()),
        }
    }

    /// Says one line that stays.
    pub fn say(&self, line: &str) {
        match &self.manner {
            Manner::Silent => {}
            Manner::Lines => eprintln!("{line}"),
            Manner::Bar(bar) => bar.println(line),
        }
    }

    /// Shows the progress of a job.
    pub fn show(&mut self, progress: &Progress) {
        self.show_stage(progress.stage, progress.fraction, &detail(progress));
    }

    /// Runs a job and shows its progress.
    pub fn run<J: Job>(&mut self, engine: &Engine, job: J) -> Result<J::Output, Failure> {
        let output = interrupt::run_job(engine, job, |progress| self.show(progress));
        Ok(output?)
    }

    /// Shows how far a stage is. A new stage gets a line of its own when piped.
    pub fn show_stage(&mut self, stage: &str, fraction: f32, detail: &str) {
        let is_new = self.stage.as_deref() != Some(stage);
        self.stage = Some(stage.to_owned());
        match &self.manner {
            Manner::Silent => {}
            Manner::Lines if is_new => eprintln!("{stage} …"),
            Manner::Lines => {}
            Manner::Bar(bar) => {
                bar.set_prefix(stage.to_owned());
                bar.set_position((fraction * 1000.0) as u64);
                bar.set_message(match &self.piece {
                    Some(piece) if detail.is_empty() => piece.clone(),
                    Some(piece) => format!("{detail}; {piece}"),
                    None => detail.to_owned(),
                });
            }
        }
    }

    /// The work is done: the bar goes.
    pub fn finish(&mut self) {
        self.stage = None;
        if let Manner::Bar(bar) = &self.manner {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(1000);
    if let Ok(style) = ProgressStyle::with_template("{prefix:>12} {bar:30} {percent:>3} %  {msg}") {
        bar.set_style(style.progress_chars("━━─"));
    }
    bar
}

/// What a job says of its progress, and the time that it has left.
pub(super) fn detail(progress: &Progress) -> String {
    match progress.left {
        Some(left) if progress.detail.is_empty() => format!("{} left", clock(left)),
        Some(left) => format!("{}, {} left", progress.detail, clock(left)),
        None => progress.detail.clone(),
    }
}

/// Minutes and seconds, and hours where there are any.
pub(super) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_reads_like_a_clock() {
        assert_eq!(clock(Duration::from_secs(74)), "1:14");
        assert_eq!(clock(Duration::from_secs(3 * 3600 + 65)), "3:01:05");
        let progress = Progress {
            stage: "invert",
            fraction: 0.5,
            detail: "loss 1.200".to_owned(),
            left: Some(Duration::from_secs(9)),
        };
        assert_eq!(detail(&progress), "loss 1.200, 0:09 left");
    }
}

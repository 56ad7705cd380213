//! What the user should know: banners that stay until they are read, and the log.

use std::error::Error;
use std::time::{Duration, SystemTime};

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something was done; it goes by itself.
    Done,
    /// The work goes on, but its owner should know.
    Warning,
    /// Something could not be done.
    Error,
}

/// What can be done about a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Install the networks and the runtime.
    Install,
    /// Mark the face by hand.
    MarkFace,
    /// Choose another place or name for the export.
    ExportAgain,
    /// Open another photo.
    Open,
}

/// One thing to tell.
#[derive(Debug, Clone)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// One sentence.
    pub text: String,
    /// More, behind a fold; may be empty.
    pub details: String,
    /// What helps, if there is a button for it.
    pub remedy: Option<Remedy>,
    /// When it happened.
    pub at: SystemTime,
}

impl Notice {
    /// Something was done.
    pub fn done(text: impl Into<String>) -> Self {
        Self::new(Severity::Done, text.into(), String::new())
    }

    /// The work goes on, but its owner should know.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Severity::Warning, text.into(), String::new())
    }

    /// Something could not be done: `what`, and why.
    pub fn error(what: impl Into<String>, why: &dyn Error) -> Self {
        let mut details = String::new();
        let mut source = why.source();
        while let Some(cause) = source {
            details.push_str(&cause.to_string());
            details.push('\n');
            source = cause.source();
        }
        Self::new(
            Severity::Error,
            format!("{}: {why}", what.into()),
            details.trim_end().to_owned(),
        )
    }

    /// An error whose cause is known in words only.
    pub fn problem(text: impl Into<String>) -> Self {
        Self::new(Severity::Error, text.into(), String::new())
    }

    /// With a button that helps.
    #[must_use]
    pub fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self
    }

    fn new(severity: Severity, text: String, details: String) -> Self {
        Self {
            severity,
            text,
            details,
            remedy: None,
            at: SystemTime::now(),
        }
    }
}

/// Notices that are on screen, and all that ever were.
#[derive(Default)]
pub struct Notices {
    shown: Vec<Notice>,
    log: Vec<Notice>,
}

impl Notices {
    /// The most banners at once; older ones are in the log.
    const MOST_SHOWN: usize = 4;
    const MOST_LOGGED: usize = 500;

    /// Shows a notice and logs it. The same text is not shown twice.
    pub fn add(&mut self, notice: Notice) {
        match notice.severity {
            Severity::Error => tracing::error!("{}", notice.text),
            Severity::Warning => tracing::warn!("{}", notice.text),
            Severity::Done => tracing::info!("{}", notice.text),
        }
        self.shown.retain(|shown| {
            shown.text != notice.text
                && !(shown.severity == Severity::Done && notice.severity == Severity::Done)
        });
        self.shown.push(notice.clone());
        if self.shown.len() > Self::MOST_SHOWN {
            self.shown.remove(0);
        }
        self.log.push(notice);
        if self.log.len() > Self::MOST_LOGGED {
            self.log.remove(0);
        }
    }

    /// The banners on screen, the oldest first.
    pub fn shown(&self) -> &[Notice] {
        &self.shown
    }

    /// All notices of this run, the oldest first.
    pub fn log(&self) -> &[Notice] {
        &self.log
    }

    /// Takes a banner away; out of range is fine.
    pub fn dismiss(&mut self, index: usize) {
        if index < self.shown.len() {
            self.shown.remove(index);
        }
    }

    /// Takes away banners that only told of something done.
    pub fn dismiss_done(&mut self) {
        self.shown
            .retain(|notice| notice.severity != Severity::Done);
    }

    /// Takes away banners of something done that could be read for a while; says when the next one
    /// will have been.
    pub fn let_done_go(&mut self) -> Option<Duration> {
        const LONG_ENOUGH: Duration = Duration::from_secs(6);
        let now = SystemTime::now();
        let left = |notice: &Notice| {
            let shown = now.duration_since(notice.at).unwrap_or_default();
            LONG_ENOUGH
                .checked_sub(shown)
                .filter(|left| !left.is_zero())
        };
        self.shown
            .retain(|notice| notice.severity != Severity::Done || left(notice).is_some());
        let done = self
            .shown
            .iter()
            .filter(|notice| notice.severity == Severity::Done);
        done.filter_map(left).min()
    }

    /// How many warnings and errors are on screen.
    pub fn unread(&self) -> usize {
        self.shown
            .iter()
            .filter(|notice| notice.severity > Severity::Done)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_shown_once_and_all_are_logged() {
        let mut notices = Notices::default();
        for _ in 0..3 {
            notices.add(Notice::warning("the disk is slow"));
        }
        assert_eq!((notices.shown().len(), notices.log().len()), (1, 3));
        notices.dismiss(7);
        notices.dismiss(0);
        assert_eq!(notices.unread(), 0);
    }

    #[test]
    fn what_was_done_goes_by_itself_and_errors_stay() {
        let mut notices = Notices::default();
        notices.add(Notice::done("saved"));
        notices.add(Notice::problem("the disk is full"));
        assert!(notices.let_done_go().is_some());
        assert_eq!(notices.shown().len(), 2);
        notices.shown[0].at -= Duration::from_secs(60);
        assert_eq!(notices.let_done_go(), None);
        assert_eq!(notices.shown()[0].text, "the disk is full");
    }

    #[test]
    fn old_banners_make_room() {
        let mut notices = Notices::default();
        for number in 0..9 {
            notices.add(Notice::problem(format!("problem {number}")));
        }
        assert_eq!(notices.shown().len(), Notices::MOST_SHOWN);
        assert!(notices.shown()[3].text.ends_with('8'));
    }
}

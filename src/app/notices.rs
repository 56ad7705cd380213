//! What the user should know: banners that stay until they are read, and the log.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::editor::FaceId;
use crate::photo::PhotoId;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Install the networks and the runtime.
    Install,
    /// Mark the face by hand.
    MarkFace,
    /// Paint into the mask of a face of this photo.
    PaintMask(PhotoId, FaceId),
    /// Choose another place or name for the export of this photo.
    ExportAgain(PhotoId),
    /// Replace the file that is there.
    ReplaceExport {
        /// The photo to export.
        photo: PhotoId,
        /// The file.
        path: PathBuf,
        /// Before and after side by side instead of the result.
        is_comparison: bool,
    },
    /// Save this photo's project under another name.
    SaveAs(PhotoId),
    /// Replace the project that is there by this photo's.
    ReplaceProject(PhotoId, PathBuf),
    /// Open the project that lies beside this photo.
    OpenProject(PhotoId, PathBuf),
    /// Open another photo.
    Open,
}

/// The identity of a notice, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NoticeId(u64);

/// One thing to tell.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Its identity once it is shown.
    pub id: NoticeId,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence.
    pub text: String,
    /// More, behind a fold; may be empty.
    pub details: String,
    /// What helps, a button each.
    pub remedies: Vec<Remedy>,
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
        self.remedies.push(remedy);
        self
    }

    fn new(severity: Severity, text: String, details: String) -> Self {
        Self {
            id: NoticeId(0),
            severity,
            text,
            details,
            remedies: Vec::new(),
            at: SystemTime::now(),
        }
    }
}

/// Notices that are on screen, and all that ever were.
#[derive(Default)]
pub struct Notices {
    shown: Vec<Notice>,
    log: Vec<Notice>,
    added: u64,
}

impl Notices {
    /// The most banners at once; older ones are in the log.
    const MOST_SHOWN: usize = 4;
    const MOST_LOGGED: usize = 500;

    /// Shows a notice and logs it. The same text with the same remedies is not shown twice.
    pub fn add(&mut self, mut notice: Notice) {
        self.added += 1;
        notice.id = NoticeId(self.added);
        match notice.severity {
            Severity::Error => tracing::error!("{}", notice.text),
            Severity::Warning => tracing::warn!("{}", notice.text),
            Severity::Done => tracing::info!("{}", notice.text),
        }
        self.shown.retain(|shown| {
            (&shown.text, &shown.remedies) != (&notice.text, &notice.remedies)
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

    /// Takes a banner away; one that is gone already is fine.
    pub fn dismiss(&mut self, id: NoticeId) {
        self.shown.retain(|notice| notice.id != id);
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
        notices.dismiss(NoticeId(7));
        assert_eq!(notices.unread(), 1);
        notices.dismiss(notices.shown()[0].id);
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

//! What has happened elsewhere since the last frame, taken in at its beginning.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use egui::Context;

use super::dialogs::{Answer, Question};
use super::notices::{Notice, Remedy};
use super::workspace::Happened;
use super::{Jawline, session};
use crate::engine;
use crate::engine::desk::{Reply, Slot};

impl Jawline {
    /// Takes in what has happened elsewhere since the last frame.
    pub(super) fn take_in(&mut self, ctx: &Context) {
        for reply in self.backend.poll() {
            self.hear(reply);
        }
        for happened in self.workspace.poll(self.backend.as_mut()) {
            match happened {
                Happened::Notice(notice) => self.notices.add(notice),
                Happened::NewSession => self.show_photo(),
                Happened::AllSaved if self.quits_when_saved => self.quit(ctx),
                Happened::AllSaved => (),
                Happened::NotOpened(path) => {
                    self.settings.remove_recent(&path);
                    self.shelf
                        .update_settings(move |settings| settings.remove_recent(&path));
                }
                Happened::Copied(pixels) => {
                    let size = [pixels.width() as usize, pixels.height() as usize];
                    ctx.copy_image(egui::ColorImage::from_rgba_unmultiplied(
                        size,
                        pixels.as_raw(),
                    ));
                    self.notices.add(Notice::done("Copied the result"));
                }
            }
        }
        for answer in self.dialogs.poll() {
            match answer {
                Answer::Do(action) => self.dispatch(ctx, action),
                Answer::Boundary(boundary) => self.use_boundary(boundary),
                Answer::Failed(why) => self.notices.add(Notice::problem(why)),
                // Either the user has thought better of it, or there are no dialogs on this system:
                // for the second case a field to type a path is offered.
                Answer::Nothing(Question::Photos) if self.workspace.photos.is_empty() => {
                    self.look.windows.open_path = true;
                }
                Answer::Nothing(_) => (),
            }
        }
        if let Some(wait) = self.notices.let_done_go() {
            ctx.request_repaint_after(wait);
        }
        for error in self.shelf.errors() {
            self.notices.add(Notice::warning(error));
        }
        if self.device_lost.swap(false, Ordering::SeqCst) {
            self.notices.add(Notice::problem(
                "The graphics card has stopped answering. Your edits are kept: save or export, then \
                 start Jawline again",
            ));
        }
        self.thumbnails.poll(ctx);
        self.thumbnails.follow(ctx, self.workspace.session.as_ref());
        self.tell_canvas();
        self.ask_for_memory();
    }

    fn hear(&mut self, reply: Reply) {
        match reply {
            Reply::Described(described) => self.engine.hear(described),
            Reply::Progress(Slot::Install, progress) => {
                if let Some(installing) = &mut self.engine.installing {
                    *installing = Some(progress);
                }
            }
            Reply::Progress(Slot::Import, progress) => {
                if let Some(importing) = &mut self.engine.importing {
                    *importing = Some(progress);
                }
            }
            Reply::Imported(imported) => {
                self.engine.importing = None;
                match imported {
                    Ok(imported) => {
                        let what = imported.in_words();
                        self.notices.add(Notice::done(format!(
                            "Imported: {what}. Networks «{}» are in use; the settings have the others",
                            imported.pack
                        )));
                        let pack = imported.pack;
                        self.restart_engine(engine::Settings {
                            pack,
                            ..self.engine_settings.clone()
                        });
                    }
                    Err(error) if error.is_cancelled() => (),
                    Err(error) => self
                        .notices
                        .add(Notice::error("Nothing was imported", &error)),
                }
            }
            Reply::Installed(installed) => {
                self.engine.installing = None;
                match installed {
                    Ok(()) => {
                        self.notices.add(Notice::done("The networks are installed"));
                        // What failed for want of them is tried again with a fresh engine.
                        self.restart_engine(self.engine_settings.clone());
                    }
                    Err(error) if error.is_cancelled() => (),
                    Err(error) => self.notices.add(
                        Notice::error("The networks were not installed", &error)
                            .with_remedy(Remedy::Install),
                    ),
                }
            }
            other => {
                let is_missing = match &other {
                    Reply::Faces(Err(error)) | Reply::Prepared(_, Err(error)) => {
                        error.is_missing_parts()
                    }
                    _ => false,
                };
                let faces_failed = matches!(other, Reply::Faces(Err(_)));
                let Some(session) = &mut self.workspace.session else {
                    return;
                };
                let notice = session.hear(other, self.backend.as_mut());
                if is_missing {
                    let text = "The networks that find and change faces are not installed";
                    self.notices
                        .add(Notice::problem(text).with_remedy(Remedy::Install));
                } else if faces_failed {
                    let text = match &session.finding {
                        session::Finding::Failed(why) => why.clone(),
                        _ => "no face was found".to_owned(),
                    };
                    self.notices
                        .add(Notice::warning(text).with_remedy(Remedy::MarkFace));
                } else if let Some(notice) = notice {
                    self.notices.add(notice);
                }
            }
        }
    }

    /// Shows the photo in work on the canvas, or none.
    pub(super) fn show_photo(&mut self) {
        self.look.for_new_photo();
        let photo = self
            .workspace
            .session
            .as_ref()
            .map(|session| Arc::clone(&session.document.photo));
        if let Some(canvas) = &mut self.canvas {
            canvas.show_photo(photo, Arc::clone(&self.wake));
        }
    }

    /// Hands the canvas what the engine has made.
    fn tell_canvas(&mut self) {
        let (Some(session), Some(canvas)) = (&mut self.workspace.session, &mut self.canvas) else {
            return;
        };
        for (key, fresh, live) in session.take_fresh() {
            if fresh.crop
                && let Some(aligned) = &live.aligned
            {
                canvas.set_crop(key, aligned.screen_crop());
            }
            if fresh.frame
                && let Some(frame) = &live.frame
            {
                canvas.set_frame(key, Arc::clone(&frame.screen));
            }
            if fresh.keyframes {
                canvas.set_keyframes(key, &live.keyframes);
            }
        }
    }

    fn ask_for_memory(&mut self) {
        const EVERY: Duration = Duration::from_secs(2);
        if self.memory_asked.is_none_or(|at| at.elapsed() > EVERY) {
            self.memory_asked = Some(Instant::now());
            self.memory_bytes = crate::memory::rss_bytes();
        }
    }
}

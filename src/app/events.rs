//! What has happened elsewhere since the last frame, taken in at its beginning.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use egui::Context;

use super::Jawline;
use super::dialogs::{Answer, Question};
use super::notices::{Notice, Remedy};
use super::session::Session;
use super::workspace::Event;
use crate::engine;
use crate::engine::client::{Reply, Slot};

impl Jawline {
    /// Takes in what has happened elsewhere since the last frame.
    pub(super) fn poll_events(&mut self, ctx: &Context) {
        for reply in self.backend.poll() {
            self.handle_reply(reply);
        }
        let events = self.state.workspace.poll(self.backend.as_mut());
        self.handle_events(ctx, events);
        for answer in self.dialogs.poll() {
            match answer {
                Answer::Do(action) => self.dispatch(ctx, action),
                Answer::Boundary(photo, face, boundary) => {
                    self.use_boundary(photo, face, boundary);
                }
                Answer::Failed(why) => self.state.notices.add(Notice::problem(why)),
                // Either the user has thought better of it, or there are no dialogs on this system:
                // for the second case a field to type a path is offered.
                Answer::Nothing(Question::Photos) if self.state.workspace.photos().is_empty() => {
                    self.state.ui_state.windows.open_path = true;
                }
                Answer::Nothing(Question::SaveAs(_)) => self.state.ui_state.windows.save_as = true,
                Answer::Nothing(_) => (),
            }
        }
        self.take_handed_over(ctx);
        if let Some(wait) = self.state.notices.let_done_go() {
            ctx.request_repaint_after(wait);
        }
        for error in self.state.settings_store.errors() {
            self.state.notices.add(Notice::warning(error));
        }
        if self.device_lost.swap(false, Ordering::SeqCst) {
            self.state.notices.add(Notice::problem(
                "The graphics card has stopped answering. Your edits are kept: save or export, then \
                 start Jawline again",
            ));
        }
        self.state.thumbnails.poll(ctx);
        self.state
            .thumbnails
            .follow(ctx, self.state.workspace.session());
        self.tell_canvas();
        self.ask_for_memory();
    }

    /// Opens what other starts of the program have handed over, and comes to the front.
    fn take_handed_over(&mut self, ctx: &Context) {
        let handed_over = self.handed_over.iter();
        let lists: Vec<_> = handed_over.flat_map(|paths| paths.try_iter()).collect();
        for paths in lists {
            self.open(ctx, paths);
            ctx.send_viewport_cmd(egui::ViewportCommand::Minimized(false));
            ctx.send_viewport_cmd(egui::ViewportCommand::Focus);
        }
    }

    /// Reacts to what has happened to the open photos.
    pub(super) fn handle_events(&mut self, ctx: &Context, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Notice(notice) => self.state.notices.add(notice),
                Event::Shown => self.show_photo(),
                Event::MayQuit => self.quit(ctx),
                Event::NotOpened(path) => {
                    self.state
                        .settings_store
                        .update_settings(move |settings| settings.remove_recent(&path));
                }
                Event::Copied(pixels) => {
                    let size = [pixels.width() as usize, pixels.height() as usize];
                    ctx.copy_image(egui::ColorImage::from_rgba_unmultiplied(
                        size,
                        pixels.as_raw(),
                    ));
                    self.state.notices.add(Notice::done("Copied the result"));
                }
            }
        }
    }

    fn handle_reply(&mut self, reply: Reply) {
        match reply {
            Reply::Described(described) => self.state.engine.handle_reply(described),
            Reply::Progress(Slot::Install, progress) => {
                if let Some(installing) = &mut self.state.engine.installing {
                    *installing = Some(progress);
                }
            }
            Reply::Progress(Slot::Import, progress) => {
                if let Some(importing) = &mut self.state.engine.importing {
                    *importing = Some(progress);
                }
            }
            Reply::Imported(imported) => {
                self.state.engine.importing = None;
                match imported {
                    Ok(imported) => {
                        let what = imported.in_words();
                        self.state.notices.add(Notice::done(format!(
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
                        .state
                        .notices
                        .add(Notice::error("Nothing was imported", &error)),
                }
            }
            Reply::Installed(installed) => {
                self.state.engine.installing = None;
                match installed {
                    Ok(()) => {
                        self.state
                            .notices
                            .add(Notice::done("The networks are installed"));
                        // What failed for want of them is tried again with a fresh engine.
                        self.restart_engine(self.engine_settings.clone());
                    }
                    Err(error) if error.is_cancelled() => (),
                    Err(error) => self.state.notices.add(
                        Notice::error("The networks were not installed", &error)
                            .with_remedy(Remedy::Install),
                    ),
                }
            }
            other => {
                let is_missing = match &other {
                    Reply::Faces(_, Err(error)) | Reply::Prepared(_, Err(error)) => {
                        error.is_missing_parts()
                    }
                    _ => false,
                };
                let not_found = match &other {
                    Reply::Faces(_, Err(error)) => Some(error.to_string()),
                    _ => None,
                };
                // The queue says what became of its photo; want of networks ends all of it.
                let is_in_batch =
                    (other.photo()).is_some_and(|photo| self.state.workspace.is_in_batch(photo));
                let not_found = not_found.filter(|_| !is_in_batch);
                let notice = (self.state.workspace).handle_reply(other, self.backend.as_mut());
                if is_missing {
                    if is_in_batch {
                        self.state.workspace.cancel_batch(self.backend.as_mut());
                    }
                    let text = "The networks that find and change faces are not installed";
                    self.state
                        .notices
                        .add(Notice::problem(text).with_remedy(Remedy::Install));
                } else if let Some(why) = not_found {
                    self.state
                        .notices
                        .add(Notice::warning(why).with_remedy(Remedy::MarkFace));
                } else if let Some(notice) = notice {
                    self.state.notices.add(notice);
                }
            }
        }
    }

    /// Shows the photo in work on the canvas, or none.
    pub(super) fn show_photo(&mut self) {
        self.state.ui_state.for_new_photo();
        let photo = self
            .state
            .workspace
            .session()
            .and_then(Session::photo)
            .cloned();
        if let Some(canvas) = &mut self.canvas {
            canvas.show_photo(photo, Arc::clone(&self.wake));
        }
        self.take_awaited_brush();
    }

    /// Hands the canvas what the engine has made.
    fn tell_canvas(&mut self) {
        let (Some(session), Some(canvas)) = (self.state.workspace.session_mut(), &mut self.canvas)
        else {
            return;
        };
        for (key, dirty, state) in session.take_dirty() {
            if dirty.crop
                && let Some(aligned) = &state.aligned
            {
                canvas.set_crop(key, aligned.screen_crop());
            }
            if dirty.frame
                && let Some(frame) = &state.frame
            {
                canvas.set_frame(key, Arc::clone(&frame.screen));
            }
            if dirty.keyframes {
                canvas.set_keyframes(key, &state.keyframes);
            }
        }
    }

    fn ask_for_memory(&mut self) {
        const EVERY: Duration = Duration::from_secs(2);
        if self.memory_asked.is_none_or(|at| at.elapsed() > EVERY) {
            self.memory_asked = Some(Instant::now());
            self.state.memory_bytes = crate::memory::rss_bytes();
        }
    }
}

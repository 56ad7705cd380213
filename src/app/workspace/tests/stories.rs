//! What was seen to go wrong once, step by step.

use super::life::{Life, Step};
use super::{photo_path, project_path};
use crate::app::workspace::{Loading, Question};
use crate::editor::FaceId;
use crate::editor::project::Project;

/// A life with these steps behind it, each with time to come to its end.
fn life(steps: &[Step]) -> Life {
    let mut life = Life::begin(1);
    go(&mut life, steps);
    life
}

fn go(life: &mut Life, steps: &[Step]) {
    for step in steps {
        life.go(*step);
        life.go(Step::Wait(60));
    }
}

fn amount(life: &Life, index: usize) -> f32 {
    let photos = life.workspace.photos();
    let document = photos[index].document().unwrap();
    document.params(FaceId(1)).amount
}

fn saved_amount(life: &Life, index: usize) -> f32 {
    let world = life.world.borrow();
    let saved = &world.projects[&project_path(index)];
    let project = Project::from_bytes(&project_path(index), &saved.bytes).unwrap();
    project.edits().of(FaceId(1)).amount
}

#[test]
fn switching_to_and_fro_at_once_loses_nothing() {
    let mut life = life(&[Step::Open(0), Step::Edit, Step::Open(1)]);
    // Within less time than a photo needs to load.
    for number in [0, 1, 0, 1, 0] {
        life.go(Step::Switch(number));
        life.go(Step::Wait(1));
    }
    go(&mut life, &[Step::Wait(1)]);
    assert_eq!(amount(&life, 0), 1.01);
    assert!(life.workspace.session().is_some());
}

#[test]
fn a_photo_whose_file_is_gone_keeps_its_document_and_its_autosave() {
    let mut life = life(&[
        Step::Open(0),
        Step::Edit,
        Step::Open(1),
        Step::Eject(0),
        Step::Switch(0),
    ]);
    assert!(matches!(
        life.workspace.photos()[0].loading,
        Loading::Failed(_)
    ));
    assert_eq!(amount(&life, 0), 1.01);
    assert_eq!(life.world.borrow().autosaves.len(), 1);
    // The card is back.
    go(&mut life, &[Step::Insert(0), Step::TryAgain, Step::Edit]);
    assert_eq!(amount(&life, 0), 1.02);
}

#[test]
fn closing_while_saving_gives_no_project_to_another_photo() {
    let mut life = life(&[
        Step::Open(0),
        Step::Open(1),
        Step::Edit,
        Step::Open(2),
        Step::Switch(1),
    ]);
    life.go(Step::Save);
    life.go(Step::Close(1));
    assert_eq!(
        life.workspace.question(),
        life.workspace
            .current()
            .map(|photo| Question::ClosePhoto(photo.id)),
        "a save under way is no saved photo yet"
    );
    life.go(Step::Stay);
    go(&mut life, &[Step::Wait(1), Step::Close(1)]);
    assert_eq!(life.workspace.photos().len(), 2);
    go(&mut life, &[Step::Switch(1), Step::Edit, Step::Save]);
    assert_eq!(saved_amount(&life, 1), 1.01);
    assert_eq!(saved_amount(&life, 2), 1.02);
}

#[test]
fn a_project_of_an_earlier_day_is_offered_and_never_silently_replaced() {
    let mut life = life(&[
        Step::Open(0),
        Step::Edit,
        Step::Save,
        Step::Quit,
        Step::Open(0),
    ]);
    let offered = life
        .notices
        .iter()
        .any(|notice| notice.text.contains("was edited before"));
    assert!(offered, "{:?}", life.notices);
    go(&mut life, &[Step::Save]);
    assert_eq!(saved_amount(&life, 0), 1.01, "it is still there");
    assert!(
        life.notices
            .iter()
            .any(|notice| notice.text.contains("was not saved"))
    );
    // Save as is the way out.
    go(&mut life, &[Step::Edit, Step::SaveAs(5)]);
    assert!(!life.workspace.photos()[0].is_unsaved());
    assert_eq!(saved_amount(&life, 0), 1.01);
}

#[test]
fn the_project_beside_a_photo_is_gone_on_with() {
    let mut life = life(&[
        Step::Open(0),
        Step::Edit,
        Step::Save,
        Step::Quit,
        Step::Open(0),
    ]);
    go(&mut life, &[Step::Remedy]);
    assert_eq!(amount(&life, 0), 1.01);
    go(&mut life, &[Step::Edit, Step::Save]);
    assert_eq!(saved_amount(&life, 0), 1.02);
}

#[test]
fn an_export_outlives_a_switch_and_a_quit_waits_for_it() {
    let mut life = life(&[Step::Open(0), Step::Open(1), Step::Switch(0)]);
    life.go(Step::Edit);
    life.go(Step::Export);
    life.go(Step::Switch(1));
    life.go(Step::Quit);
    assert_eq!(life.workspace.question(), Some(Question::Quit));
    life.go(Step::SaveAndQuit);
    while !life.has_quit {
        life.go(Step::Wait(1));
    }
    assert_eq!(life.world.borrow().exports.len(), 1);
    assert_eq!(saved_amount(&life, 0), 1.01);
}

#[test]
fn an_edit_that_cannot_be_drawn_is_refused_by_name_and_not_waited_for() {
    let mut life = life(&[
        Step::Open(0),
        Step::EngineFails(true),
        Step::Edit,
        Step::Export,
    ]);
    assert!(life.workspace.write_states().is_empty());
    let refused = |life: &Life| {
        let mut notices = life.notices.iter();
        notices.any(|it| it.text.contains("not exported") && it.text.contains("face 1"))
    };
    assert!(refused(&life), "{:?}", life.notices);
    assert!(life.world.borrow().exports.is_empty());
    go(
        &mut life,
        &[Step::EngineFails(false), Step::Edit, Step::Export],
    );
    assert_eq!(life.world.borrow().exports.len(), 1);
}

#[test]
fn a_save_that_fails_keeps_the_window_open_and_later_saves_close_nothing() {
    let mut life = life(&[Step::Open(0), Step::Edit, Step::Open(1), Step::Edit]);
    life.go(Step::DiskFails(true));
    life.go(Step::SaveAndQuit);
    life.go(Step::Wait(60));
    assert!(!life.has_quit && !life.workspace.quits_when_done);
    life.go(Step::DiskFails(false));
    go(&mut life, &[Step::Save]);
    assert!(!life.has_quit);
    assert_eq!(life.workspace.photos().len(), 2);
    assert!(life.workspace.photos()[0].is_unsaved());
    assert_eq!(life.world.borrow().autosaves.len(), 1);
}

#[test]
fn edits_made_while_everything_is_saved_are_asked_for() {
    let mut life = life(&[Step::Open(0), Step::Edit]);
    life.go(Step::SaveAndQuit);
    life.go(Step::Edit);
    life.go(Step::Wait(60));
    assert!(!life.has_quit);
    assert_eq!(life.workspace.question(), Some(Question::Quit));
    assert_eq!(amount(&life, 0), 1.02);
}

#[test]
fn closing_asks_every_time() {
    let mut life = life(&[Step::Open(0), Step::Edit]);
    for _ in 0..3 {
        go(&mut life, &[Step::Close(0)]);
        assert!(life.workspace.question().is_some());
        assert_eq!(life.workspace.photos().len(), 1);
        life.go(Step::Stay);
    }
}

#[test]
fn two_ways_to_one_file_are_one_document() {
    let mut life = life(&[Step::Open(0), Step::Edit, Step::OpenAlias(0)]);
    assert_eq!(life.workspace.photos().len(), 1);
    assert_eq!(amount(&life, 0), 1.01);
    go(&mut life, &[Step::Save, Step::OpenProject(0)]);
    assert_eq!(life.workspace.photos().len(), 1);
    assert!(life.workspace.session().is_some());
    go(&mut life, &[Step::Edit, Step::OpenProject(0)]);
    assert_eq!(life.workspace.photos().len(), 1);
    assert_eq!(amount(&life, 0), 1.02, "the unsaved edits are not replaced");
}

#[test]
fn recovered_work_is_never_without_an_autosave_and_has_its_history() {
    let mut life = life(&[Step::Open(0), Step::Edit, Step::Edit, Step::Edit]);
    life.go(Step::Crash);
    life.go(Step::Wait(60));
    life.go(Step::Recover(0));
    for _ in 0..60 {
        life.go(Step::Wait(1));
        assert_eq!(life.world.borrow().autosaves.len(), 1);
    }
    assert_eq!(amount(&life, 0), 1.03);
    let document = life.workspace.photos()[0].document().unwrap();
    assert!(document.is_unsaved());
    assert_eq!(document.history().steps().len(), 4);
    go(&mut life, &[Step::Undo, Step::Undo]);
    assert_eq!(amount(&life, 0), 1.01);
    go(&mut life, &[Step::Save]);
    assert!(
        life.world.borrow().autosaves.is_empty(),
        "saved work is not offered"
    );
}

#[test]
fn recovered_work_without_its_photo_is_kept() {
    let mut life = life(&[Step::Open(0), Step::Edit]);
    go(&mut life, &[Step::Crash, Step::Eject(0), Step::Recover(0)]);
    assert_eq!(amount(&life, 0), 1.01);
    assert!(matches!(
        life.workspace.photos()[0].loading,
        Loading::Failed(_)
    ));
    go(&mut life, &[Step::Insert(0), Step::Locate(0)]);
    assert!(life.workspace.session().is_some());
    assert_eq!(amount(&life, 0), 1.01);
}

#[test]
fn a_failed_opening_takes_only_itself_off_the_list() {
    let mut life = life(&[Step::Open(0), Step::Edit, Step::Eject(2)]);
    life.go(Step::Open(2));
    life.go(Step::Close(0));
    life.go(Step::DiscardAndClose);
    go(&mut life, &[Step::Wait(1)]);
    let names: Vec<&str> = life
        .workspace
        .photos()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["0.jpg"]);
    assert_eq!(amount(&life, 0), 1.01);
    assert_eq!(life.workspace.photo_path(), Some(photo_path(0).as_path()));
}

#[test]
fn copying_does_not_disturb_an_export() {
    let mut life = life(&[Step::Open(0), Step::Edit]);
    life.go(Step::Export);
    life.go(Step::Copy);
    go(&mut life, &[Step::Wait(1)]);
    assert_eq!(life.world.borrow().exports.len(), 1);
}

#[test]
fn a_project_that_takes_the_place_of_the_photo_in_view_is_in_view() {
    let mut life = life(&[
        Step::Open(0),
        Step::Edit,
        Step::Save,
        Step::Quit,
        Step::Open(0),
    ]);
    life.go(Step::OpenProject(0));
    // Back to the photo before the project is loaded.
    life.go(Step::Switch(0));
    go(&mut life, &[Step::Wait(1)]);
    assert_eq!(life.workspace.photos().len(), 1);
    assert_eq!(amount(&life, 0), 1.01);
    assert!(life.workspace.session().is_some());
}

/// A photo whose project holds one edit, while a save of a second edit is under way and the second is
/// undone already: the edits are again those that were saved before, and soon no project holds them.
fn undone_during_a_save() -> Life {
    let mut life = life(&[Step::Open(0), Step::Edit, Step::Save, Step::Edit]);
    life.go(Step::Save);
    life.go(Step::Undo);
    assert_eq!(life.workspace.write_states().len(), 1, "it is being saved");
    assert_eq!(amount(&life, 0), 1.01);
    assert_eq!(saved_amount(&life, 0), 1.01);
    life
}

#[test]
fn an_undo_during_a_save_is_never_without_an_autosave() {
    let mut life = undone_during_a_save();
    for _ in 0..60 {
        life.go(Step::Wait(1));
        assert_eq!(life.world.borrow().autosaves.len(), 1);
    }
    assert_eq!(saved_amount(&life, 0), 1.02);
    go(&mut life, &[Step::Crash, Step::Recover(0)]);
    assert_eq!(amount(&life, 0), 1.01);
}

#[test]
fn closing_asks_when_a_save_under_way_holds_other_edits() {
    let mut life = undone_during_a_save();
    life.go(Step::Close(0));
    let id = life.workspace.photos()[0].id;
    assert_eq!(life.workspace.question(), Some(Question::ClosePhoto(id)));
    go(&mut life, &[Step::SaveAndClose]);
    assert_eq!(saved_amount(&life, 0), 1.01);
    assert!(life.workspace.photos().is_empty(), "it is asked once");
}

#[test]
fn a_photo_stays_when_the_save_it_was_to_close_after_is_cancelled() {
    let mut life = life(&[Step::Open(0), Step::Edit, Step::Open(1), Step::Edit]);
    life.go(Step::Save);
    life.go(Step::Switch(0));
    // Behind the other photo's save.
    life.go(Step::SaveAndClose);
    let queued = life.workspace.write_states()[1].id;
    assert!(life.cancel_write(queued));
    go(&mut life, &[Step::Wait(1), Step::Save]);
    assert_eq!(saved_amount(&life, 0), 1.01);
    assert_eq!(life.workspace.photos().len(), 2);
}

#[test]
fn a_project_is_one_document_also_while_its_photo_is_gone() {
    let mut life = life(&[
        Step::Open(0),
        Step::Edit,
        Step::Save,
        Step::Edit,
        Step::Eject(0),
        Step::OpenProject(0),
    ]);
    assert_eq!(life.workspace.photos().len(), 1);
    assert_eq!(amount(&life, 0), 1.02);
    // The same the other way round: what a crash has left, while its project is open.
    go(
        &mut life,
        &[Step::Crash, Step::OpenProject(0), Step::Recover(0)],
    );
    assert_eq!(life.workspace.photos().len(), 1);
    assert_eq!(life.workspace.recoverable().len(), 1, "it is offered again");
}

#[test]
fn a_document_whose_project_another_has_replaced_is_unsaved() {
    let mut life = life(&[
        Step::Open(0),
        Step::Edit,
        Step::Save,
        Step::Undo,
        Step::Edit,
    ]);
    // The project is opened again while the photo is gone, and the first document is in another.
    go(
        &mut life,
        &[
            Step::SaveAs(5),
            Step::Eject(0),
            Step::OpenProject(0),
            Step::Switch(0),
        ],
    );
    assert_eq!((amount(&life, 0), amount(&life, 1)), (1.02, 1.01));
    assert!(!life.workspace.photos()[1].is_unsaved());
    // The notice offers to replace it.
    go(&mut life, &[Step::SaveAs(0), Step::Remedy]);
    assert_eq!(saved_amount(&life, 0), 1.02);
    assert!(life.workspace.photos()[1].is_unsaved());
    assert_eq!(life.world.borrow().autosaves.len(), 1);
    life.go(Step::Close(1));
    assert_eq!(life.workspace.photos().len(), 2, "closing asks");
}

#[test]
fn a_photo_that_is_being_saved_gives_way_to_no_project() {
    let mut life = life(&[
        Step::Open(0),
        Step::Edit,
        Step::Save,
        Step::Quit,
        Step::Open(0),
        Step::Edit,
    ]);
    life.go(Step::SaveAs(5));
    life.go(Step::Undo);
    go(&mut life, &[Step::Remedy]);
    assert_eq!(amount(&life, 0), 0.0, "the project beside it has 1.01");
    assert!(life.workspace.photos()[0].is_unsaved());
}

use std::sync::Mutex;

use super::*;
use crate::engine::job::Progress;

struct Counting {
    name: &'static str,
    left: u32,
    journal: Arc<Mutex<Vec<&'static str>>>,
}

impl Job for Counting {
    type Output = &'static str;

    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn step(&mut self, _context: &mut Context<'_>) -> Result<Step<Self::Output>, Error> {
        self.journal.lock().unwrap().push(self.name);
        if self.left == 0 {
            return Ok(Step::Done(self.name));
        }
        self.left -= 1;
        thread::sleep(Duration::from_millis(2));
        Ok(Step::More(Progress {
            stage: "counting",
            fraction: 0.0,
            detail: String::new(),
            left: None,
        }))
    }
}

/// A job that counts down `left` steps, and writes its name into the journal at each.
fn counting(name: &'static str, left: u32, journal: &Arc<Mutex<Vec<&'static str>>>) -> Counting {
    Counting {
        name,
        left,
        journal: Arc::clone(journal),
    }
}

/// A job that does not end by itself.
fn endless() -> Counting {
    counting("endless", u32::MAX, &Arc::default())
}

fn engine() -> Engine {
    Engine::start(Settings::default()).unwrap()
}

#[test]
fn an_interactive_job_goes_before_the_rest_of_a_long_one() {
    let engine = engine();
    let journal = Arc::new(Mutex::new(Vec::new()));
    let long = engine.submit(
        Priority::Background,
        CancelToken::new(),
        counting("long", 50, &journal),
    );
    let frame = engine.submit(
        Priority::Interactive,
        CancelToken::new(),
        counting("frame", 0, &journal),
    );
    assert_eq!(frame.wait(|_| ()).unwrap(), "frame");
    assert_eq!(long.wait(|_| ()).unwrap(), "long");
    let journal = journal.lock().unwrap();
    let place = journal.iter().position(|&name| name == "frame").unwrap();
    assert!(place < journal.len() - 1, "{journal:?}");
}

#[test]
fn a_cancelled_job_ends_and_says_so() {
    let engine = engine();
    let handle = engine.submit(Priority::Background, CancelToken::new(), endless());
    handle.cancel();
    assert!(handle.wait(|_| ()).unwrap_err().is_cancelled());
}

#[test]
fn a_dropped_handle_cancels_its_job_so_that_the_engine_can_end() {
    let engine = engine();
    drop(engine.submit(Priority::Background, CancelToken::new(), endless()));
    drop(engine);
}

struct Panicking;

impl Job for Panicking {
    type Output = ();

    fn name(&self) -> String {
        "panicking".to_owned()
    }

    fn step(&mut self, _context: &mut Context<'_>) -> Result<Step<()>, Error> {
        panic!("on purpose")
    }
}

#[test]
fn a_panic_ends_the_job_and_not_the_engine() {
    let engine = engine();
    let failed = engine.submit(Priority::Background, CancelToken::new(), Panicking);
    let message = failed.wait(|_| ()).unwrap_err().to_string();
    assert!(message.contains("on purpose"), "{message}");
    let journal = Arc::new(Mutex::new(Vec::new()));
    let next = engine.submit(
        Priority::Background,
        CancelToken::new(),
        Counting {
            name: "next",
            left: 1,
            journal,
        },
    );
    assert_eq!(next.wait(|_| ()).unwrap(), "next");
}

/// One long step that looks at nothing but its token, as an installation does.
struct Installing(Sender<()>);

impl Job for Installing {
    type Output = ();

    fn name(&self) -> String {
        "installing".to_owned()
    }

    fn step(&mut self, context: &mut Context<'_>) -> Result<Step<()>, Error> {
        let _ = self.0.send(());
        for _ in 0..1000 {
            if context.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Step::Done(()))
    }
}

#[test]
fn dropping_the_engine_cancels_the_step_under_way_although_somebody_still_holds_its_handle() {
    let engine = engine();
    let (begun, has_begun) = unbounded();
    let job = Installing(begun);
    let handle = engine.submit(Priority::Background, CancelToken::new(), job);
    has_begun.recv().unwrap();
    let dropped = std::time::Instant::now();
    drop(engine);
    assert!(dropped.elapsed() < Duration::from_secs(1));
    assert!(handle.wait(|_| ()).unwrap_err().is_cancelled());
}

#[test]
fn a_token_outlives_the_engine_uncancelled_when_its_jobs_have_ended() {
    for _ in 0..200 {
        let shared = CancelToken::new();
        let engine = engine();
        let job = counting("short", 0, &Arc::default());
        let handle = engine.submit(Priority::Background, shared.clone(), job);
        handle.wait(|_| ()).unwrap();
        drop(engine);
        assert!(!shared.is_cancelled());
    }
}

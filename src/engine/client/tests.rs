use std::time::{Duration, Instant};

use image::DynamicImage;

use super::*;
use crate::photo::{Photo, PhotoId};

fn wait_for(client: &mut EngineClient, is_wanted: impl Fn(&Reply) -> bool) -> Reply {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if let Some(reply) = client.poll().into_iter().find(|reply| is_wanted(reply)) {
            return reply;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("no reply came");
}

fn grey() -> Arc<Photo> {
    Arc::new(Photo::from_pixels(DynamicImage::new_rgb8(200, 150)))
}

fn find(id: PhotoId, name: &str) -> Request {
    Request::FindFaces {
        id,
        photo: grey(),
        name: name.to_owned(),
    }
}

#[test]
fn a_photo_without_a_face_is_answered_with_its_name() {
    let mut client = EngineClient::start(Settings::default(), Arc::new(|| ())).unwrap();
    let id = PhotoId::unique();
    client.send(find(id, "grey.jpg"));
    let reply = wait_for(&mut client, |reply| matches!(reply, Reply::Faces(..)));
    let Reply::Faces(of, Err(error)) = reply else {
        panic!("{reply:?}");
    };
    assert_eq!(of, id);
    assert!(error.to_string().contains("grey.jpg"), "{error}");
    assert!(client.work.is_empty());
}

#[test]
fn the_newest_request_of_a_slot_wins() {
    let mut client = EngineClient::start(Settings::default(), Arc::new(|| ())).unwrap();
    let id = PhotoId::unique();
    client.send(find(id, "first.jpg"));
    client.send(find(id, "second.jpg"));
    let reply = wait_for(&mut client, |reply| matches!(reply, Reply::Faces(..)));
    assert!(matches!(reply, Reply::Faces(_, Err(error)) if error.to_string().contains("second")));
    std::thread::sleep(Duration::from_millis(20));
    assert!(client.poll().is_empty());
}

#[test]
fn cancelled_work_does_not_answer() {
    let mut client = EngineClient::start(Settings::default(), Arc::new(|| ())).unwrap();
    let id = PhotoId::unique();
    client.send(find(id, "first.jpg"));
    client.cancel(Slot::FindFaces(id));
    std::thread::sleep(Duration::from_millis(50));
    assert!(client.poll().is_empty());
}

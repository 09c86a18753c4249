//! The whole way, from a file in one directory to a file in another.

use std::fs;

use creel_sdk::picture::{Bounds, ToolFault};
use image::ImageFormat;
use tempfile::TempDir;

use super::*;
use crate::limits::FILE_BYTES_MAX;
use crate::testing::{corners, file, no_wishes};

fn media(uri: &str) -> Media {
    Media { uri: uri.to_owned(), content_type: "image/png".to_owned(), size: 0, name: None }
}

#[test]
fn what_is_made_lies_in_out_and_the_original_stays() {
    let (media_directory, out) = (TempDir::new().expect("a directory"), TempDir::new().expect("a directory"));
    let picture = file(corners(32, 16), ImageFormat::Png);
    fs::write(media_directory.path().join("abc"), &picture).expect("a file");
    let fit = |wishes: &Wishes| fit_between(media_directory.path(), out.path(), &media("media://inbound/abc"), wishes);
    assert_eq!(fit(&no_wishes()), Ok(Outcome::Unchanged));
    assert_eq!(fs::read_dir(out.path()).expect("a directory").count(), 0);
    let bounds = Bounds { side_max: Some(16), ..no_wishes().bounds };
    let expect = Made { name: "picture.png".to_owned(), changes: vec!["scaled from 32x16 to 16x8".to_owned()] };
    assert_eq!(fit(&Wishes { bounds, ..no_wishes() }), Ok(Outcome::Made(expect)));
    let made = image::open(out.path().join("picture.png")).expect("a picture");
    assert_eq!((made.width(), made.height()), (16, 8));
    assert_eq!(fs::read(media_directory.path().join("abc")).expect("a file"), picture);
}

#[test]
fn what_cannot_be_opened_is_said() {
    let directory = TempDir::new().expect("a directory");
    let check = |uri: &str, fault: ToolFault, expect: &str| {
        let error = fit_between(directory.path(), directory.path(), &media(uri), &no_wishes()).expect_err("no picture");
        let error = ToolError::from(error);
        assert_eq!((error.fault, error.message.as_str()), (fault, expect), "{uri}");
    };
    check("media://inbound/none", ToolFault::Malformed, "the picture cannot be opened (entity not found)");
    for uri in ["", "media://inbound/", "media://inbound/..", "media://inbound/a\\b"] {
        check(uri, ToolFault::Malformed, "the picture cannot be opened (invalid input parameter)");
    }
    let large = fs::File::create(directory.path().join("large")).expect("a file");
    large.set_len(FILE_BYTES_MAX + 1).expect("a file with a hole");
    let expect = "the file has 67108865 bytes, over the input limit of 67108864";
    check("media://inbound/large", ToolFault::TooLarge, expect);
}

//! Pictures: what they say they are, and their limits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{check, image, jpeg, user};
use crate::pictures;

#[tokio::test]
async fn a_picture_is_what_it_says() {
    check(user(&json!([jpeg(), {"type": "text", "text": "What is it?"}])), "200").await;
    let at = "400 messages.0.content.0.image.source.base64";
    let png = STANDARD.encode(pictures::png());
    let mismatch =
        "The image was specified using the image/jpeg media type, but the image appears to be a image/png image";
    check(user(&json!([image("image/jpeg", &png)])), &format!("{at}.media_type: {mismatch}")).await;
    check(user(&json!([image("image/png", &png)])), "200").await;
    let heic = format!("{at}.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'");
    check(user(&json!([image("image/heic", &png)])), &heic).await;
    let url = format!("data:image/png;base64,{png}");
    check(user(&json!([image("image/png", &url)])), &format!("{at}.data: invalid base64 data")).await;
    let unpadded = STANDARD.encode([0xff, 0xd8, 0xff, 0xe0]).replace('=', "");
    check(user(&json!([image("image/jpeg", &unpadded)])), &format!("{at}.data: invalid base64 data")).await;
    let mut broken = png.clone();
    broken.insert(76, '\n');
    check(user(&json!([image("image/png", &broken)])), &format!("{at}.data: invalid base64 data")).await;
    check(user(&json!([image("image/png", "")])), &format!("{at}: image cannot be empty")).await;
    let cut = STANDARD.encode(&pictures::png()[..90]);
    check(user(&json!([image("image/png", &cut)])), "400 Could not process image").await;
    let pdf = STANDARD.encode(b"%PDF-1.7");
    check(user(&json!([image("image/png", &pdf)])), "400 Could not process image").await;
    let mut extra = image("image/png", &png);
    extra["source"]["path"] = json!("/etc/passwd");
    check(user(&json!([extra])), &format!("{at}.path: Extra inputs are not permitted")).await;
    let file = json!([{"type": "image", "source": {"type": "file", "file_id": "file_1"}}]);
    let tag = "400 messages.0.content.0.image.source: Input tag 'file' found using 'type' does not match any of the expected tags: 'base64', 'url'";
    check(user(&file), tag).await;
}

#[tokio::test]
async fn pictures_have_limits() {
    let at = "400 messages.0.content.0.image.source.base64";
    let data = "A".repeat(5 * 1024 * 1024 + 4);
    let large = format!("{at}: image exceeds 5 MB maximum: 5242884 bytes > 5242880 bytes");
    check(user(&json!([image("image/png", &data)])), &large).await;
    let wide = |width| image("image/png", &STANDARD.encode(pictures::png_sized(width, 2)));
    check(user(&json!([wide(8000)])), "200").await;
    let dimensions = format!("{at}.data: At least one of the image dimensions exceed max allowed size: 8000 pixels");
    check(user(&json!([wide(8001)])), &dimensions).await;
    let many = |width, count| user(&Value::Array(vec![wide(width); count]));
    check(many(2001, 20), "200").await;
    let together = "400 messages: At least one of the image dimensions exceed max allowed size for many-image requests: 2000 pixels";
    check(many(2001, 21), together).await;
    check(many(2000, 21), "200").await;
    check(many(8, 101), "400 messages: too many images: 101 > 100").await;
}

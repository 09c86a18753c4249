//! A house in a process of its own, that dies where it is told to: `creel-crash-house <state> <config> <trap>`. It ends
//! in good order when its standard input does. The fakes live in the test that starts it.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::sync::Arc;

use creel_tests::crash::Trap;
use creel_tests::house::{API_KEY, Place, STALE_OAUTH_TOKEN};
use creel_tests::scene::KEY_BY_REFERENCE;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [state, config, trap] = arguments.as_slice() else {
        eprintln!("usage: creel-crash-house <state> <config> <trap>");
        std::process::exit(2);
    };
    let config = std::fs::read_to_string(config).expect("a configuration");
    let place = Place::with(config).at(&PathBuf::from(state)).profiles(KEY_BY_REFERENCE);
    let place = place.variable("ANTHROPIC_API_KEY", API_KEY).variable("ANTHROPIC_OAUTH_TOKEN", STALE_OAUTH_TOKEN);
    let house = place.start_watched(Arc::new(Trap::parse(trap))).await;
    let input = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    input.await.expect("a thread that does not panic").expect("an input that can be read");
    house.stop().await;
}

//! Connections to providers: kept for the next request, as far as it is worth it.

use creel_policy::limits::IDLE_CONNECTIONS_PER_SERVER_MAX;

use crate::door::{Door, Fakes, chat, got};

const GPT: &str = "openai/gpt-4o-mini";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rush_has_opened_is_closed_again_but_for_what_a_busy_gateway_needs() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let above = 24;
    let rush = IDLE_CONNECTIONS_PER_SERVER_MAX + above;
    fakes.openai.hold();
    let ask = || door.request("POST", "/v1/chat/completions", &token).body(chat(GPT, "ping").to_string());
    let asked: Vec<_> = (0..rush).map(|_| tokio::spawn(got(ask()))).collect();
    fakes.openai.wait_until_held(rush).await.expect("all of them are asked at once");
    fakes.openai.release();
    for asked in asked {
        assert_eq!(asked.await.expect("an answer").status, 200);
    }
    fakes.openai.wait_for_closed(above).await.expect("no more than the bound is kept");
    assert_eq!(door.post("/v1/chat/completions", &token, &chat(GPT, "ping")).await.status, 200);
}

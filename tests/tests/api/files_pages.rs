//! Lists of files: page by page in the words of both dialects, and of the agent's own alone.

use serde_json::{Value, json};

use crate::door::{Door, Fakes, Got, got};
use crate::files::Form;

/// A daemon with two agents: the tokens of Alice and Bob.
async fn house() -> (Fakes, Door, String, String) {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let [alice, bob] = ["alice", "bob"].map(|name| door.agent(name, &["--models", "*"]));
    (fakes, door, alice, bob)
}

async fn upload(door: &Door, token: &str, purpose: &str) -> String {
    let got = Form::new().text("purpose", purpose).file("a.png", b"hello").send(door, token, None).await;
    got.json()["id"].as_str().unwrap_or_else(|| panic!("{}", got.text)).to_owned()
}

async fn list(door: &Door, token: &str, query: &str) -> Got {
    door.get(&format!("/v1/files?{query}"), token).await
}

/// The same as a client of Anthropic's.
async fn anthropic(door: &Door, token: &str, query: &str) -> Got {
    let path = format!("/v1/files?beta=true&{query}");
    got(door.request("GET", &path, token).header("anthropic-version", "2023-06-01")).await
}

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap_or_else(|| panic!("{list}"));
    data.iter().map(|file| file["id"].as_str().expect("an id").to_owned()).collect()
}

/// The ids with the place of the page, as the list tells them.
fn told(list: &Value) -> (Vec<String>, &Value, &Value, &Value) {
    (ids(list), &list["first_id"], &list["last_id"], &list["has_more"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_openais_neither_miss_nor_repeat_a_file() {
    let (_fakes, door, alice, bob) = house().await;
    for _ in 0..5 {
        upload(&door, &alice, "vision").await;
        upload(&door, &bob, "vision").await;
    }
    let whole = list(&door, &alice, "").await.json();
    let newest = ids(&whole);
    assert_eq!(newest.len(), 5);
    assert_eq!(told(&whole), (newest.clone(), &json!(newest[0]), &json!(newest[4]), &json!(false)));
    assert_eq!(whole["object"], "list");
    let created: Vec<u64> =
        whole["data"].as_array().expect("a list").iter().map(|file| file["created_at"].as_u64().expect("it")).collect();
    assert!(created.is_sorted_by(|a, b| a >= b), "{created:?}");
    let oldest: Vec<String> = newest.iter().rev().cloned().collect();
    for (order, all) in [("desc", &newest), ("asc", &oldest)] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = list(&door, &alice, &format!("order={order}&limit=2{after}")).await.json();
            let of_page = ids(&page);
            let is_last = seen.len() + of_page.len() == 5;
            let (first, last) = (json!(of_page[0]), json!(of_page[of_page.len() - 1]));
            assert_eq!(told(&page), (of_page.clone(), &first, &last, &json!(!is_last)));
            seen.extend(of_page);
            if is_last {
                break;
            }
            after = format!("&after={}", seen[seen.len() - 1]);
        }
        assert_eq!(&seen, all, "{order}");
        let behind = list(&door, &alice, &format!("order={order}&after={}", all[4])).await.json();
        assert_eq!(told(&behind), (vec![], &Value::Null, &Value::Null, &json!(false)));
    }
    // Whoever deletes what it has seen goes on behind it.
    let page = ids(&list(&door, &alice, "limit=2").await.json());
    for id in &page {
        assert_eq!(got(door.request("DELETE", &format!("/v1/files/{id}"), &alice)).await.status, 200);
    }
    let rest = list(&door, &alice, &format!("limit=2&after={}", page[1])).await.json();
    assert_eq!(ids(&rest), newest[2..4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_anthropics_go_both_ways() {
    let (_fakes, door, alice, _bob) = house().await;
    for _ in 0..22 {
        upload(&door, &alice, "vision").await;
    }
    let newest = ids(&list(&door, &alice, "").await.json());
    // Twenty, where the client does not say how many; the newer clients go on by `next_page`.
    let page = anthropic(&door, &alice, "").await.json();
    assert_eq!(told(&page), (newest[..20].to_vec(), &json!(newest[0]), &json!(newest[19]), &json!(true)));
    assert_eq!(page.get("object"), None);
    let next = page["next_page"].as_str().expect("there are more");
    assert_eq!(next, format!("page_{}", newest[19]));
    let last = anthropic(&door, &alice, &format!("page={next}")).await.json();
    assert_eq!(
        (ids(&last).as_slice(), &last["has_more"], &last["next_page"]),
        (&newest[20..], &json!(false), &Value::Null)
    );
    // The older ones go on by ids, in either direction.
    let behind = anthropic(&door, &alice, &format!("after_id={}&limit=2", newest[4])).await.json();
    assert_eq!((ids(&behind).as_slice(), &behind["has_more"]), (&newest[5..7], &json!(true)));
    let before = anthropic(&door, &alice, &format!("before_id={}&limit=2", newest[4])).await.json();
    assert_eq!((ids(&before).as_slice(), &before["has_more"]), (&newest[2..4], &json!(true)));
    assert_eq!(before["next_page"], Value::Null, "it grows the other way");
    let before = anthropic(&door, &alice, &format!("before_id={}&limit=2", newest[2])).await.json();
    assert_eq!((ids(&before).as_slice(), &before["has_more"]), (&newest[..2], &json!(false)));
    let some = anthropic(&door, &alice, &format!("ids[]={}&ids[]=none&ids[]={}", newest[21], newest[3])).await.json();
    let (expect, none) = ([newest[3].clone(), newest[21].clone()], &Value::Null);
    assert_eq!((ids(&some).as_slice(), &some["has_more"], &some["next_page"]), (&expect[..], &json!(false), none));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_one_purpose_has_no_other() {
    let (_fakes, door, alice, _bob) = house().await;
    let (batch, vision) = (upload(&door, &alice, "batch").await, upload(&door, &alice, "vision").await);
    let unsaid = Form::new().file("a.png", b"hello").send(&door, &alice, Some("2023-06-01")).await.json()["id"].clone();
    let of = async |purpose: &str| ids(&list(&door, &alice, &format!("purpose={purpose}")).await.json());
    assert_eq!((of("batch").await, of("vision").await), (vec![batch], vec![vision]));
    assert_eq!(json!(of("user_data").await), json!([unsaid]), "what nobody said is told so, too");
    assert_eq!((of("evals").await, of("batch_output").await), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_value_is_refused_in_the_dialect_of_whoever_asks() {
    let (_fakes, door, alice, _bob) = house().await;
    let purposes = "`assistants`, `batch`, `fine-tune`, `vision`, `user_data`, `evals`";
    for (query, param, words) in [
        ("limit=0", "limit", "`limit` must be a whole number from 1 to 10000, and not `0`".to_owned()),
        ("limit=10001", "limit", "`limit` must be a whole number from 1 to 10000, and not `10001`".to_owned()),
        ("limit=x%0Ay", "limit", "`limit` must be a whole number from 1 to 10000, and not `xy`".to_owned()),
        ("order=up", "order", "`order` must be one of `asc`, `desc`, and not `up`".to_owned()),
        ("purpose=fun", "purpose", format!("`purpose` must be one of {purposes}, and not `fun`")),
        (
            "after_id=x",
            "after_id",
            "`after_id` is no parameter of this list, which has `limit`, `order`, `after`, `purpose`".to_owned(),
        ),
    ] {
        let got = list(&door, &alice, query).await;
        let error =
            json!({ "error": { "message": words, "type": "invalid_request_error", "param": param, "code": null } });
        assert_eq!((got.status, got.json()), (400, error), "{query}");
    }
    for (query, words) in [
        ("limit=0", "`limit` must be a whole number from 1 to 1000, and not `0`"),
        ("limit=1001", "`limit` must be a whole number from 1 to 1000, and not `1001`"),
        ("page=2", "`page` must be the `next_page` of an earlier list, and not `2`"),
        ("after_id=a&before_id=b", "`after_id` goes with no `before_id`: a page lies in one place"),
        (
            "order=asc",
            "`order` is no parameter of this list, which has `limit`, `before_id`, `after_id`, `page`, `ids`",
        ),
    ] {
        let got = anthropic(&door, &alice, query).await;
        let error = json!({ "type": "invalid_request_error", "message": words });
        assert_eq!((got.status, &got.json()["error"]), (400, &error), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_beside_somebody_elses_file_tells_nothing_of_it() {
    let (_fakes, door, alice, bob) = house().await;
    upload(&door, &alice, "vision").await;
    let of_bob = upload(&door, &bob, "vision").await;
    let bare = of_bob.strip_prefix("file-").expect("a prefix");
    let handle = format!("media://workspace/bob/{bare}");
    let never = "file-0123456789abcdef0123456789abcdef.png";
    for id in [of_bob.as_str(), handle.as_str(), never, "file-../x", "x", ""] {
        let got = list(&door, &alice, &format!("after={id}")).await;
        let message = format!("`after` names no file of this agent: there is no file `{id}`");
        let error =
            json!({ "message": message, "type": "invalid_request_error", "param": "after", "code": "not_found" });
        assert_eq!((got.status, &got.json()["error"]), (404, &error), "{id}");
        for (param, value) in
            [("after_id", id.to_owned()), ("before_id", id.to_owned()), ("page", format!("page_{id}"))]
        {
            let got = anthropic(&door, &alice, &format!("{param}={value}")).await;
            let message = format!("`{param}` names no file of this agent: there is no file `{id}`");
            let error = json!({ "type": "not_found_error", "message": message });
            assert_eq!((got.status, &got.json()["error"]), (404, &error), "{param} {id}");
        }
        let named = anthropic(&door, &alice, &format!("ids={id}")).await.json();
        assert_eq!(ids(&named), [""; 0], "{id}");
    }
}

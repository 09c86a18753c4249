//! Where a credential may go, in the manifest's words: each form with its near misses, the place of each problem, and
//! what people read. Attacks 67, 70, 71.

use crate::manifest::{Companions, Manifest, Placement};

/// A manifest whose only class has this in it, from line 13 on.
fn manifest(class: &str) -> String {
    format!(
        r#"
[plugin]
id = "example"
version = "0.1.0"
interface = "creel:plugin@0.1"
[endpoints.api]
default = "https://api.x.com"
setting = "baseUrl"
allow = [{{ method = "GET", path = "/*" }}]
[credentials.account]
endpoint = "api"
[[credentials.account.classes]]
class = ["api_key"]
{class}
"#
    )
}

fn placed(class: &str) -> Placement {
    let manifest = Manifest::parse(&manifest(class)).unwrap_or_else(|problems| panic!("{class}: {problems}"));
    manifest.credentials["account"].classes[0].place.clone()
}

/// What is reported, each with line and column and the key below the class.
#[track_caller]
fn check(class: &str, expect: &[&str]) {
    let said: Vec<String> = Manifest::parse(&manifest(class)).err().map_or_else(Vec::new, |errors| {
        let said = errors.0.iter().map(ToString::to_string);
        said.map(|said| said.replace("plugin.toml:", "").replace("credentials.account.classes[0].", "")).collect()
    });
    assert_eq!(said, expect, "{class}");
}

#[track_caller]
fn in_words(class: &str, expect: &str) {
    assert_eq!(placed(class).to_string(), expect, "{class}");
}

#[test]
fn each_form_is_read_and_told_in_words() {
    in_words("place = { header = \"x-api-key\" }", "header `x-api-key`");
    in_words("place = { header = \"authorization\", prefix = \"Bearer \" }", "header `authorization: Bearer …`");
    in_words("place = { query = \"key\" }", "parameter `key` of the query");
    in_words("place = { path = \"/bot{credential}\" }", "part of the path, which then begins with `/bot…`");
    in_words("place = { path = \"/v1/{credential}/x\" }", "part of the path, which then begins with `/v1/…/x`");
    in_words("place = { basic = {} }", "user and password (`authorization: Basic …`)");
    in_words("place = { basic = { user = \"api\" } }", "password of `api` (`authorization: Basic …`)");
    let by_setting = "place = { basic = { user = { setting = \"account\" } } }";
    in_words(by_setting, "password of what `account` says (`authorization: Basic …`)");
    in_words(
        "place = { sign = \"hmac-sha256\", header = \"x-sig\", prefix = \"v0=\", over = [\"=v0\", \"timestamp\", \"body\"], \
         separator = \":\", timestamp = { header = \"x-time\" } }",
        "key of an HMAC-SHA256 signature over `v0`, the time, the body in header `x-sig: v0=…`, with the time in `x-time`",
    );
    in_words(
        "place = { sign = \"aws-sigv4\", service = \"bedrock\", region = { setting = \"region\", default = \"us-east-1\" } }",
        "key of an AWS signature (version 4) for the service `bedrock` in `us-east-1` or what `region` says",
    );
    in_words(
        "place = { sign = \"aws-sigv4\", service = \"s3\", region = \"eu-west-1\", payload = \"unsigned\" }",
        "key of an AWS signature (version 4) for the service `s3` in `eu-west-1`, which does not cover the body",
    );
}

#[test]
fn a67_a_credential_has_one_place_and_no_other_keys() {
    let missing = "14:9: place: must say where the credential goes: `header`, `query`, `path`, `basic` or `sign`";
    check("place = {}", &[missing]);
    check("place = { prefix = \"x\" }", &[missing]);
    check(
        "place = { header = \"a\", query = \"b\" }",
        &["14:9: place: a credential has one place, and this names `header` and `query`"],
    );
    check("place = { query = \"key\", prefix = \"x\" }", &["14:26: place.prefix: unknown key"]);
    check(
        "place = { querry = \"key\" }",
        &[
            "14:9: place: must say where the credential goes: `header`, `query`, \
        `path`, `basic` or `sign`",
            "14:11: place.querry: unknown key",
        ],
    );
    check("place = { basic = true }", &["14:19: place.basic: must be a table, not a value of type boolean"]);
    check("place = { sign = \"md5\" }", &["14:18: place.sign: must be one of `hmac-sha256`, `aws-sigv4`"]);
    check(
        "place = { basic = {} }\nwith = { authorization = \"x\" }",
        &["15:10: with.authorization: a header that goes with a credential carries none itself"],
    );
    let own = "place = { sign = \"hmac-sha256\", header = \"x-sig\", over = [\"body\"] }\nwith = { x-sig = \"a\" }";
    check(own, &["15:10: with.x-sig: a header that goes with a credential carries none itself"]);
}

#[test]
fn a70_names_that_a_request_could_not_carry_are_refused() {
    let parameter = "14:19: place.query: a parameter's name has 1 to 64 of letters, digits and `-._`";
    for name in ["", "a b", "a=b", "a&b", "a%20", "ä"] {
        check(&format!("place = {{ query = \"{name}\" }}"), &[parameter]);
    }
    let user = "14:28: place.basic.user: must be 1 to 128 printable ASCII characters without `:`";
    for name in ["", "a:b", "ä"] {
        check(&format!("place = {{ basic = {{ user = \"{name}\" }} }}"), &[user]);
    }
    let taken = "14:40: place.basic.user.setting: an endpoint or a root takes this setting";
    check("place = { basic = { user = { setting = \"baseUrl\" } } }", &[taken]);
    let secret = "14:40: place.basic.user.setting: this setting is the host's own";
    check("place = { basic = { user = { setting = \"botToken\" } } }", &[secret]);
}

#[test]
fn a71_a_path_holds_the_value_once_within_one_step() {
    let once = "14:18: place.path: must hold `{credential}` once";
    for path in ["/bot", "", "/{credential}/{credential}", "/{CREDENTIAL}"] {
        check(&format!("place = {{ path = \"{path}\" }}"), &[once]);
    }
    let ends = "14:18: place.path: a path begins with `/` and does not end in one";
    for path in ["{credential}", "bot{credential}", "https://{credential}.x.com", "/{credential}/"] {
        check(&format!("place = {{ path = \"{path}\" }}"), &[ends]);
    }
    let plain = "14:18: place.path: a path is of letters, digits and `-._~:@`, in steps between single `/`";
    for path in [
        "//{credential}",
        "/a?b={credential}",
        "/a#{credential}",
        "/%2f{credential}",
        "/{x}{credential}",
        "/*/{credential}",
    ] {
        check(&format!("place = {{ path = \"{path}\" }}"), &[plain]);
    }
    let dots = "14:18: place.path: a path has no steps of dots alone";
    for path in ["/../{credential}", "/.{credential}", "/{credential}..", "/{credential}/./x"] {
        check(&format!("place = {{ path = \"{path}\" }}"), &[dots]);
    }
    for path in ["/bot{credential}", "/{credential}", "/a.b/{credential}x", "/a/{credential}/b"] {
        check(&format!("place = {{ path = \"{path}\" }}"), &[]);
    }
}

#[test]
fn a_signature_covers_what_it_says() {
    let hmac = |rest: &str| format!("place = {{ sign = \"hmac-sha256\", header = \"x-sig\", {rest} }}");
    check(&hmac("over = [\"body\"]"), &[]);
    check(&hmac("over = [\"method\", \"path-and-query\", \"header:x-a\", \"body-sha256\"], key = \"base64\""), &[]);
    let nothing = "14:9: place.over: must name something of the request, e.g. `body` or `path-and-query`";
    check(&hmac("over = []"), &[nothing]);
    check(&hmac("over = [\"host\", \"=x\"]"), &[nothing]);
    check("place = { sign = \"hmac-sha256\", over = [\"body\"] }", &["14:9: place.header: is required"]);
    check(&hmac("over = [\"body\", \"body\"]"), &["14:9: place.over: names a part twice"]);
    check(&hmac("over = [\"=a\", \"body\", \"=a\"]"), &[]);
    let unsigned = "14:9: place.timestamp: is not signed: name `timestamp` in `over`";
    check(&hmac("over = [\"body\"], timestamp = { header = \"x-time\" }"), &[unsigned]);
    check(&hmac("over = [\"body\", \"timestamp\"]"), &["14:9: place.over: signs a `timestamp` that no header carries"]);
    check(&hmac("over = [\"body\", \"id\"]"), &["14:9: place.over: signs an `id` that no header carries"]);
    check(&hmac("over = [\"body\"], id = \"x-sig\""), &["14:9: place.header: stands here twice"]);
    let itself = "14:9: place.over: names a header that the signature itself sets";
    check(&hmac("over = [\"header:x-sig\", \"body\"]"), &[itself]);
    let part = "14:59: place.over[0]: must be one of `timestamp`, `id`, `method`, `host`, `path`, `query`, \
        `path-and-query`, `body`, `body-sha256`, `header:NAME`, or a text behind `=`";
    check(&hmac("over = [\"bodies\"]"), &[part, nothing].into_iter().rev().collect::<Vec<_>>());
    let hex = "14:80: place.encoding: must be one of `hex`, `base64`, `base64url`";
    check(&hmac("over = [\"body\"],  encoding = \"Hex\""), &[hex]);
}

#[test]
fn a_signature_for_aws_names_service_and_region() {
    let aws = |rest: &str| format!("place = {{ sign = \"aws-sigv4\", {rest} }}");
    check(&aws("service = \"bedrock\""), &["14:9: place.region: is required"]);
    check(&aws("region = \"us-east-1\""), &["14:9: place.service: is required"]);
    let name = "must be 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter";
    check(&aws("service = \"a/b\", region = \"x\""), &[&format!("14:41: place.service: {name}")]);
    check(&aws("service = \"a\", region = \"US\""), &[&format!("14:55: place.region: {name}")]);
}

#[test]
fn variables_that_belong_together_are_one_credential() {
    let class = |environment: &str, companions: &str| {
        format!(
            "environment = {environment}\ncompanions = {companions}\nplace = {{ sign = \"aws-sigv4\", service = \"a\", \
             region = \"b\" }}"
        )
    };
    let whole = class("[\"AWS_ID\"]", "{ secret = \"AWS_KEY\", token = \"AWS_TOKEN\" }");
    let manifest = Manifest::parse(&manifest(&whole)).expect("a manifest");
    let expect = Companions { secret: "AWS_KEY".into(), token: Some("AWS_TOKEN".into()) };
    assert_eq!(manifest.credentials["account"].classes[0].companions.as_ref(), Some(&expect));
    check(&class("[\"AWS_ID\"]", "{}"), &["15:14: companions.secret: is required"]);
    let one = "15:14: companions: `environment` must name the one variable that they go with";
    check(&class("[\"AWS_ID\", \"OTHER\"]", "{ secret = \"AWS_KEY\" }"), &[one]);
    let header = "environment = [\"AWS_ID\"]\ncompanions = { secret = \"AWS_KEY\" }\nplace = { header = \"x\" }";
    check(header, &["15:14: companions: this place takes a credential of one part"]);
    let basic =
        "environment = [\"AN_ID\"]\ncompanions = { secret = \"A_KEY\", token = \"T_T\" }\nplace = { basic = {} }";
    check(basic, &["15:14: companions.token: only a signature for AWS has a session token"]);
}

//! A guest that asks for whatever the last user text tells it to, and answers with what came of it: so that a test can
//! reach for anything. The text is a list of wishes as JSON; they are granted or refused one after the other.

use creel_sdk::provider::{CallError, ChatRequest, Fault, Finish, Output, Provider};
use creel_sdk::{BodyPiece, Context, Io, IoError, Media, Request};
use serde::Deserialize;

/// Bytes of a response that are told.
const BODY_BYTES_MAX: usize = 64 << 10;

struct Asker;

/// What it may be told to ask for.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wish {
    Send(Letter),
    Fetch(Letter),
    Store(String),
    Ingest { root: String, name: String },
    Wait(u32),
}

#[derive(Deserialize)]
struct Letter {
    method: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    path: String,
    url: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// The URI of a medium that is put behind the body.
    media: Option<String>,
    credential: Option<String>,
}

impl Provider for Asker {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let wishes: Vec<Wish> = serde_json::from_str(&request.last_user_text())
            .map_err(|error| CallError::new(Fault::InvalidRequest, format!("these are no wishes: {error}")))?;
        for wish in wishes {
            let answer = ask(&io, wish).await;
            out.text(answer.unwrap_or_else(|error| format!("{error:?}")));
            out.text("\n");
        }
        out.finished(Finish::Stop);
        Ok(())
    }
}

async fn ask(io: &Io, wish: Wish) -> Result<String, IoError> {
    match wish {
        Wish::Send(letter) => {
            let mut response = io.send(letter.into_request()).await?;
            let body = response
                .bytes(BODY_BYTES_MAX)
                .await
                .map_or_else(|error| error.to_string(), |body| String::from_utf8_lossy(&body).into_owned());
            Ok(format!("{}: {body}", response.status()))
        }
        Wish::Fetch(letter) => Ok(tell(&io.fetch_media(letter.into_request()).await?)),
        Wish::Store(text) => Ok(tell(&io.store_media(text.into_bytes(), None).await?)),
        Wish::Ingest { root, name } => Ok(tell(&io.ingest_file(&root, &name).await?)),
        Wish::Wait(duration_ms) => io.wait(duration_ms).await.map(|()| "elapsed".into()),
    }
}

fn tell(media: &Media) -> String {
    format!("{} {} {}", media.uri, media.content_type, media.size)
}

impl Letter {
    fn into_request(self) -> Request {
        let mut request = match self.url {
            Some(url) => Request::to_url(&self.method, url),
            None => Request::new(&self.method, &self.endpoint, self.path),
        };
        for (name, value) in self.headers {
            request = request.header(&name, value);
        }
        request.credential = self.credential;
        if !self.body.is_empty() {
            request.body.push(BodyPiece::Bytes(self.body.into_bytes()));
        }
        if let Some(uri) = self.media {
            request.body.push(BodyPiece::MediaRaw(Media { uri, content_type: String::new(), size: 0, name: None }));
        }
        request
    }
}

creel_sdk::provider!(Asker);

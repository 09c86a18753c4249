//! A guest that asks for whatever the last user text tells it to, and answers with what came of it: so that a test can
//! reach for anything. The text is a list of wishes as JSON; they are granted or refused one after the other.

use creel_sdk::provider::{CallError, ChatRequest, Fault, Finish, Output, Provider};
use creel_sdk::{BodyPiece, Context, Io, IoError, Media, Request, Response, join_all};
use serde::Deserialize;

/// Bytes of a response that are told.
const BODY_BYTES_MAX: usize = 64 << 10;

struct Asker;

/// What it may be told to ask for.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wish {
    /// Tells status and body.
    Send(Letter),
    /// Tells the status and these headers, and drops the rest.
    Head(Letter, Vec<String>),
    /// Tells the status, and each chunk as it comes.
    Stream(Letter),
    /// Tells how many bytes came.
    Count(Letter),
    Fetch(Letter),
    /// Fetches a medium and sends it back raw with another letter.
    Return(Letter, Letter),
    Store(String),
    Ingest {
        root: String,
        name: String,
    },
    Wait(u32),
    /// Tells how many bytes of memory the plugin has; it never gives any back.
    Memory,
    /// All at once; told in order.
    Together(Vec<Wish>),
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
    body: Vec<Piece>,
    credential: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Piece {
    Text(String),
    /// So many zeros.
    Fill(usize),
    /// The URI of a medium.
    Raw(String),
    /// The URI of a medium.
    Base64(String),
}

impl Provider for Asker {
    async fn complete(_: Context, request: ChatRequest, io: Io, out: Output) -> Result<(), CallError> {
        let wishes: Vec<Wish> = serde_json::from_str(&request.last_user_text())
            .map_err(|error| CallError::new(Fault::InvalidRequest, format!("these are no wishes: {error}")))?;
        for wish in wishes {
            let answer = ask(&io, &out, wish).await;
            out.text(answer.unwrap_or_else(|error| format!("{error:?}")));
            out.text("\n");
        }
        out.finished(Finish::Stop);
        Ok(())
    }
}

async fn ask(io: &Io, out: &Output, wish: Wish) -> Result<String, IoError> {
    match wish {
        Wish::Send(letter) => {
            let mut response = io.send(letter.into_request()).await?;
            let body = response
                .bytes(BODY_BYTES_MAX)
                .await
                .map_or_else(|error| error.to_string(), |body| String::from_utf8_lossy(&body).into_owned());
            Ok(format!("{}: {body}", response.status()))
        }
        Wish::Head(letter, names) => Ok(head(&io.send(letter.into_request()).await?, &names)),
        Wish::Stream(letter) => {
            let mut response = io.send(letter.into_request()).await?;
            out.text(format!("{}:", response.status()));
            while let Some(chunk) = response.chunk().await? {
                out.text(String::from_utf8_lossy(&chunk));
            }
            Ok(String::new())
        }
        Wish::Count(letter) => {
            let mut response = io.send(letter.into_request()).await?;
            let (mut bytes, mut longest) = (0, 0);
            while let Some(chunk) = response.chunk().await? {
                bytes += chunk.len();
                longest = longest.max(chunk.len());
            }
            Ok(format!("{bytes} bytes, at most {longest} at once"))
        }
        Wish::Fetch(letter) => Ok(tell(&io.fetch_media(letter.into_request()).await?)),
        Wish::Return(from, to) => {
            let media = io.fetch_media(from.into_request()).await?;
            let mut request = to.into_request();
            request.body.push(BodyPiece::MediaRaw(media));
            Ok(io.send(request).await?.status().to_string())
        }
        Wish::Store(text) => Ok(tell(&io.store_media(text.into_bytes(), None).await?)),
        Wish::Ingest { root, name } => Ok(tell(&io.ingest_file(&root, &name).await?)),
        Wish::Wait(duration_ms) => io.wait(duration_ms).await.map(|()| "elapsed".into()),
        Wish::Memory => Ok(memory_bytes().to_string()),
        Wish::Together(wishes) => {
            let answers = join_all(wishes.into_iter().map(|wish| Box::pin(ask(io, out, wish)))).await;
            let told = answers.into_iter().map(|answer| answer.unwrap_or_else(|error| format!("{error:?}")));
            Ok(told.collect::<Vec<_>>().join("\n"))
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn memory_bytes() -> usize {
    core::arch::wasm32::memory_size(0) << 16
}

#[cfg(not(target_arch = "wasm32"))]
fn memory_bytes() -> usize {
    0
}

fn tell(media: &Media) -> String {
    format!("{} {} {}", media.uri, media.content_type, media.size)
}

fn head(response: &Response, names: &[String]) -> String {
    let lines = names.iter().map(|name| format!("\n{name}: {}", response.header(name).unwrap_or("(none)")));
    format!("{}{}", response.status(), lines.collect::<String>())
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
        request.body(self.body.into_iter().map(Piece::into_piece).collect())
    }
}

impl Piece {
    fn into_piece(self) -> BodyPiece {
        let medium = |uri| Media { uri, content_type: String::new(), size: 0, name: None };
        match self {
            Self::Text(text) => BodyPiece::Bytes(text.into_bytes()),
            Self::Fill(bytes) => BodyPiece::Bytes(vec![0; bytes]),
            Self::Raw(uri) => BodyPiece::MediaRaw(medium(uri)),
            Self::Base64(uri) => BodyPiece::MediaBase64(medium(uri)),
        }
    }
}

creel_sdk::provider!(Asker);

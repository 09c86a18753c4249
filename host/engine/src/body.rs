//! Request bodies: the plugin's bytes with media spliced in while they are sent. The length is known exactly before
//! the first byte goes out.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use creel_policy::judge::{Refusal, Refused};
use creel_policy::media::MediaRef;
use creel_store::Store;
use creel_store::media::Medium;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::bindings::io;
use crate::context::CallContext;

/// Bytes of a medium that are read at once; a multiple of three, so that each piece of base64 stands for itself.
const READ_BYTES: usize = 384 << 10;

/// How the bytes of a medium stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Raw,
    /// Standard base64 with padding, no line breaks.
    Base64,
}

/// One piece of a body.
enum Piece {
    Bytes(Bytes),
    Media { media: MediaRef, size: u64, form: Form },
}

/// A body that can be made again for a redirect.
pub(crate) struct Body {
    pieces: Vec<Piece>,
    store: Store,
    /// Bytes without and with media.
    pub(crate) plain_bytes: u64,
    pub(crate) all_bytes: u64,
}

impl Body {
    /// Lays out a body. Looks the media up in the store: call it from a thread that may block if there are any.
    ///
    /// # Errors
    ///
    /// [`Refused`] for a medium that the call may not name, or that is not there any more.
    pub(crate) fn lay_out(store: &Store, context: &CallContext, pieces: Vec<io::BodyPiece>) -> Result<Self, Refused> {
        let mut body =
            Self { pieces: Vec::with_capacity(pieces.len()), store: store.clone(), plain_bytes: 0, all_bytes: 0 };
        for piece in pieces {
            match piece {
                io::BodyPiece::Bytes(bytes) => {
                    body.plain_bytes = body.plain_bytes.saturating_add(bytes.len() as u64);
                    body.all_bytes = body.all_bytes.saturating_add(bytes.len() as u64);
                    body.pieces.push(Piece::Bytes(bytes.into()));
                }
                io::BodyPiece::MediaRaw(media) => body.push_media(context, &media.uri, Form::Raw)?,
                io::BodyPiece::MediaBase64(media) => body.push_media(context, &media.uri, Form::Base64)?,
            }
        }
        Ok(body)
    }

    /// Whether laying out these pieces looks into the store.
    pub(crate) fn has_media(pieces: &[io::BodyPiece]) -> bool {
        pieces.iter().any(|piece| !matches!(piece, io::BodyPiece::Bytes(_)))
    }

    fn push_media(&mut self, context: &CallContext, uri: &str, form: Form) -> Result<(), Refused> {
        if !context.grant.media.splice {
            let rule = format!("plugin `{}` was not granted `media.splice`", context.grant.plugin);
            return Err(Refused { refusal: Refusal::NoGrant, rule });
        }
        let unknown =
            || Refused { refusal: Refusal::UnknownMedia, rule: format!("`{uri}` is not a medium of this call") };
        let media = MediaRef::parse(uri).map_err(|_| unknown())?;
        if !context.media.contains(&media) {
            return Err(unknown());
        }
        let size = match self.store.medium(&media) {
            Ok(medium) => medium.size,
            Err(error) => return Err(Refused { refusal: Refusal::UnknownMedia, rule: error.to_string() }),
        };
        let length = match form {
            Form::Raw => size,
            Form::Base64 => size.div_ceil(3).saturating_mul(4),
        };
        self.all_bytes = self.all_bytes.saturating_add(length);
        self.pieces.push(Piece::Media { media, size, form });
        Ok(())
    }

    /// The body to send, made anew each time.
    pub(crate) fn to_send(&self) -> reqwest::Body {
        if let [] | [Piece::Bytes(_)] = &self.pieces[..] {
            let bytes = self.pieces.first().map(|piece| match piece {
                Piece::Bytes(bytes) => bytes.clone(),
                Piece::Media { .. } => Bytes::new(),
            });
            return reqwest::Body::from(bytes.unwrap_or_default());
        }
        reqwest::Body::wrap_stream(self.chunks())
    }

    /// Reads it from beginning to end, e.g. to sign it before it is sent. Costs as much as sending it, and holds as
    /// little of it at once.
    ///
    /// # Errors
    ///
    /// Whatever kept a medium from being read.
    pub(crate) async fn feed(&self, mut take: impl FnMut(&[u8]) + Send) -> std::io::Result<()> {
        let mut chunks = self.chunks();
        while let Some(chunk) = chunks.try_next().await? {
            for part in chunk.chunks(READ_BYTES) {
                take(part);
                // A large body is not the only task of its thread.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    fn chunks(&self) -> stream::BoxStream<'static, std::io::Result<Bytes>> {
        let pieces: Vec<_> = self.pieces.iter().map(|piece| self.stream(piece)).collect();
        stream::iter(pieces).flatten().boxed()
    }

    fn stream(&self, piece: &Piece) -> stream::BoxStream<'static, std::io::Result<Bytes>> {
        match piece {
            Piece::Bytes(bytes) => stream::iter([Ok(bytes.clone())]).boxed(),
            Piece::Media { media, size, form } => media_stream(self.store.clone(), media.clone(), *size, *form),
        }
    }
}

/// The bytes of a medium as they stand in a body, in the pieces in which they are sent. Calls have no need of it; it is
/// here for whoever measures how fast they come.
#[doc(hidden)]
pub fn spliced(store: &Store, medium: &Medium, form: Form) -> stream::BoxStream<'static, std::io::Result<Bytes>> {
    media_stream(store.clone(), medium.media.clone(), medium.size, form)
}

/// Reads a medium piece by piece in threads that may block.
fn media_stream(
    store: Store,
    media: MediaRef,
    size: u64,
    form: Form,
) -> stream::BoxStream<'static, std::io::Result<Bytes>> {
    let opened = async move {
        let open = move || store.media_open(&media).map_err(std::io::Error::other);
        let file = tokio::task::spawn_blocking(open).await.map_err(std::io::Error::other)??;
        Ok::<_, std::io::Error>(stream::try_unfold((Arc::new(file), size), move |(file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let take = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
            let reader = Arc::clone(&file);
            let read = move || read_piece(&reader, take, form);
            let piece = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)??;
            Ok::<_, std::io::Error>(Some((piece, (file, left - take as u64))))
        }))
    };
    stream::once(opened).try_flatten().boxed()
}

fn read_piece(mut file: &std::fs::File, take: usize, form: Form) -> std::io::Result<Bytes> {
    let mut bytes = vec![0_u8; take];
    file.read_exact(&mut bytes)?;
    Ok(match form {
        Form::Raw => bytes.into(),
        Form::Base64 => base64_simd::STANDARD.encode_type::<Vec<u8>>(&bytes).into(),
    })
}

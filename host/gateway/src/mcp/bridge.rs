//! Carries messages between a client on standard input and output and the gateway: a line is a message. Requests are
//! carried side by side; one that the client cancels is dropped, and with it what the gateway does for it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::exchange::exchange;
use super::gateway::Gateway;
use super::message::{self, Message, Request};

/// Bytes of a message: a gateway takes no more.
const LINE_BYTES_MAX: u64 = 64 << 20;
/// Requests at once; a client waits for answers long before that.
const REQUESTS_MAX: usize = 64;
/// Answers that wait for the client to read them.
const ANSWERS_MAX: usize = 16;

/// Carries until the client has closed its end and has every answer, or takes no more.
///
/// # Errors
///
/// What reading or writing came to.
pub(super) async fn carry(
    gateway: Arc<Gateway>,
    input: impl AsyncRead + Send + Unpin,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> io::Result<()> {
    let (answers, waiting) = mpsc::channel(ANSWERS_MAX);
    let writing = tokio::spawn(write(waiting, output));
    let mut bridge = Bridge { gateway, answers, agreed: None, under_way: JoinSet::new(), handles: HashMap::new() };
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    let closed = bridge.answers.clone();
    loop {
        line.clear();
        let read = tokio::select! {
            read = next_line(&mut input, &mut line) => read?,
            () = closed.closed() => break,
        };
        if !read {
            break;
        }
        bridge.take(&line).await;
    }
    drop(closed);
    bridge.finish().await;
    writing.await.map_err(io::Error::other)?
}

/// Reads one message; `false` at the end.
async fn next_line(input: &mut (impl AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> io::Result<bool> {
    input.take(LINE_BYTES_MAX + 1).read_until(b'\n', line).await?;
    if line.len() as u64 > LINE_BYTES_MAX {
        // Where the next message would begin is not known any more.
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message has more than {LINE_BYTES_MAX} bytes"),
        ));
    }
    Ok(!line.is_empty())
}

async fn write(mut waiting: mpsc::Receiver<Value>, mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(answer) = waiting.recv().await {
        let mut line = answer.to_string();
        line.push('\n');
        output.write_all(line.as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

struct Bridge {
    gateway: Arc<Gateway>,
    answers: mpsc::Sender<Value>,
    /// The version that client and gateway have agreed on.
    agreed: Option<String>,
    under_way: JoinSet<String>,
    /// What is under way, by the id of each request as JSON.
    handles: HashMap<String, AbortHandle>,
}

impl Bridge {
    async fn take(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        while let Some(ended) = self.under_way.try_join_next() {
            // One that was cancelled has left the list before.
            if let Ok(id) = ended {
                self.handles.remove(&id);
            }
        }
        match message::read(line) {
            // What is said from here on goes by what the two agree on.
            Ok(Message::Request(request)) if request.method == "initialize" => {
                let answer = exchange(&self.gateway, &request, None, &self.answers).await;
                self.agreed = answer.as_ref().and_then(message::agreed);
            }
            Ok(Message::Request(request)) => self.begin(request).await,
            Ok(Message::Notification(request)) => {
                exchange(&self.gateway, &request, self.agreed.as_deref(), &self.answers).await;
            }
            Ok(Message::Cancelled { id }) => {
                if let Some(handle) = self.handles.remove(&id) {
                    handle.abort();
                }
            }
            Ok(Message::Answer) => tracing::warn!("the client answers a question that nobody asked"),
            Err(answer) => self.say(answer).await,
        }
    }

    async fn begin(&mut self, request: Request) {
        if self.under_way.len() >= REQUESTS_MAX {
            let message = format!("{REQUESTS_MAX} requests are under way; wait for an answer");
            return self.say(message::unanswered(&request.id, &message)).await;
        }
        let id = request.id.to_string();
        let (gateway, answers, agreed) = (Arc::clone(&self.gateway), self.answers.clone(), self.agreed.clone());
        let key = id.clone();
        let handle = self.under_way.spawn(async move {
            exchange(&gateway, &request, agreed.as_deref(), &answers).await;
            key
        });
        self.handles.insert(id, handle);
    }

    /// Where nobody takes it, [`carry`] ends.
    async fn say(&self, answer: Value) {
        if self.answers.send(answer).await.is_err() {
            tracing::debug!("the client takes no more answers");
        }
    }

    /// Waits for what is under way, as long as anybody takes the answers.
    async fn finish(mut self) {
        tokio::select! {
            () = async { while self.under_way.join_next().await.is_some() {} } => {}
            () = self.answers.closed() => {}
        }
    }
}

#[cfg(test)]
mod tests;

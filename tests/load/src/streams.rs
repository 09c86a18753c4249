//! Many slow streams at once: each has a mark of its own, and every piece that comes back is held against it. Some are
//! given up half-way, as people do. What a gateway used meanwhile is not seen from here.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::dialect::{Dialect, Said};
use crate::pace::Pace;

/// How far the beginnings of all streams are spread: a burst of connections would measure the kernel's queue.
pub(crate) const RAMP: Duration = Duration::from_secs(2);
/// How long a stream may take beyond what it has to, before it is called stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// The answers of a stream beside its text: beginning, end, usage and the like, each after a gap of its own.
const OTHER_EVENTS: u64 = 8;
/// A stream that is given up is so after one of this many pieces.
const ABORT_AFTER_MAX: usize = 10;
/// Bytes of a refusal that are told.
const TOLD_MAX: usize = 300;

/// How to call a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The path of the call.
    pub(crate) path: String,
    /// What it speaks.
    pub(crate) dialect: Dialect,
    /// What the model is called there.
    pub(crate) model: String,
    /// What each request carries.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// What is asked of a gateway.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Streams at the same time.
    pub(crate) streams: usize,
    /// How many of a hundred are given up half-way.
    pub(crate) aborts_percent: usize,
    /// How each of them is paced; the mark is put by the driver.
    pub(crate) pace: Pace,
}

/// What became of the streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Complete, with nothing but their own text.
    pub(crate) whole: usize,
    /// Given up by the driver.
    pub(crate) aborted: usize,
    /// Answered with an error.
    pub(crate) refused: usize,
    /// Held what is not theirs, or not in its order.
    pub(crate) crossed: usize,
    /// Ended or broke off too early.
    pub(crate) cut: usize,
    /// Not over when the time was.
    pub(crate) stuck: usize,
    /// The first of what went wrong.
    pub(crate) example: Option<String>,
    /// Until the first piece of text, of each stream that had one; in order.
    pub(crate) first_us: Vec<u64>,
}

/// How one stream ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    Aborted,
    Refused(String),
    Crossed(String),
    Cut(String),
    Stuck,
}

/// Runs all streams of a plan and waits for the last of them, which it does not do forever.
pub(crate) async fn drive(door: &Door, plan: &Plan) -> Tally {
    let door = Arc::new(door.clone());
    let mut under_way = JoinSet::new();
    let step = RAMP / u32::try_from(plan.streams.max(1)).unwrap_or(u32::MAX);
    let events = plan.pace.chunks as u64 + OTHER_EVENTS;
    let life = Duration::from_millis(plan.pace.first_ms + plan.pace.gap_ms * events) + PATIENCE;
    let began = tokio::time::Instant::now();
    for index in 0..plan.streams {
        let mark = format!("s{index}x");
        let pace = Pace { mark, ..plan.pace.clone() };
        let abort_after = abort_after(index, plan.aborts_percent);
        let door = Arc::clone(&door);
        tokio::time::sleep_until(began + step * u32::try_from(index).unwrap_or(u32::MAX)).await;
        under_way.spawn(async move {
            let mut reading = Reading::new(door.dialect, &pace, abort_after);
            let end = tokio::time::timeout(life, one(&door, &pace, &mut reading)).await;
            (end.unwrap_or(End::Stuck), reading.first)
        });
    }
    let mut tally = Tally::default();
    while let Some(ended) = under_way.join_next().await {
        match ended {
            Ok((end, first)) => tally.add(end, first),
            Err(error) => tally.add(End::Cut(error.to_string()), None),
        }
    }
    tally.first_us.sort_unstable();
    tally
}

/// After how many pieces a stream is given up; those that are lie evenly among the others.
fn abort_after(index: usize, percent: usize) -> Option<usize> {
    let is_given_up = (index + 1) * percent / 100 > index * percent / 100;
    is_given_up.then_some(1 + index % ABORT_AFTER_MAX)
}

impl Tally {
    fn add(&mut self, end: End, first: Option<Duration>) {
        self.first_us.extend(first.map(|first| u64::try_from(first.as_micros()).unwrap_or(u64::MAX)));
        let (count, example) = match end {
            End::Whole => (&mut self.whole, None),
            End::Aborted => (&mut self.aborted, None),
            End::Refused(why) => (&mut self.refused, Some(format!("refused: {why}"))),
            End::Crossed(why) => (&mut self.crossed, Some(format!("crossed: {why}"))),
            End::Cut(why) => (&mut self.cut, Some(format!("cut: {why}"))),
            End::Stuck => (&mut self.stuck, Some("stuck".to_owned())),
        };
        *count += 1;
        if self.example.is_none() {
            self.example = example;
        }
    }
}

async fn one(door: &Door, pace: &Pace, reading: &mut Reading) -> End {
    let connected = async {
        let stream = TcpStream::connect(door.address).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    let stream = match connected.await {
        Ok(stream) => stream,
        Err(error) => return End::Refused(format!("no connection: {error}")),
    };
    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(both) => both,
        Err(error) => return End::Refused(error.to_string()),
    };
    let request = match request(door, pace) {
        Ok(request) => request,
        Err(error) => return End::Refused(error.to_string()),
    };
    let asking = async {
        match sender.send_request(request).await {
            Ok(response) => read(response, reading).await,
            Err(error) => End::Cut(format!("no answer: {error}")),
        }
    };
    // What the connection has to say is seen by whoever reads from it.
    let driving = async {
        connection.await.ok();
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        end = asking => end,
        never = driving => match never {},
    }
}

fn request(door: &Door, pace: &Pace) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let body = door.dialect.request(&door.model, pace, true);
    let mut request = Request::post(door.path.as_str())
        .header("host", door.address.to_string())
        .header("content-type", "application/json");
    for (name, value) in &door.headers {
        request = request.header(*name, value);
    }
    request.body(Full::new(body.into()))
}

async fn read(response: Response<Incoming>, reading: &mut Reading) -> End {
    let status = response.status();
    let mut body = response.into_body();
    if !status.is_success() {
        let text = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..text.len().min(TOLD_MAX)]).into_owned();
        return End::Refused(format!("{status} {text}"));
    }
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => return End::Cut(error.to_string()),
        };
        if let Some(end) = reading.take(&data) {
            return end;
        }
    }
    End::Cut(format!("the answer ended after {} of {} bytes", reading.at, reading.expected.len()))
}

/// A stream as it is read.
struct Reading {
    dialect: Dialect,
    began: Instant,
    expected: String,
    at: usize,
    pieces: usize,
    abort_after: Option<usize>,
    rest: Vec<u8>,
    first: Option<Duration>,
}

impl Reading {
    fn new(dialect: Dialect, pace: &Pace, abort_after: Option<usize>) -> Self {
        let (expected, rest) = (pace.text(), Vec::new());
        Self { dialect, began: Instant::now(), expected, at: 0, pieces: 0, abort_after, rest, first: None }
    }

    /// Takes bytes as they come; an end where they make one.
    fn take(&mut self, data: &[u8]) -> Option<End> {
        self.rest.extend_from_slice(data);
        while let Some(at) = memchr::memchr(b'\n', &self.rest) {
            let line: Vec<u8> = self.rest.drain(..=at).collect();
            let line = String::from_utf8_lossy(&line);
            let Some(data) = line.strip_prefix("data:") else { continue };
            match self.dialect.read(data.trim()) {
                Said::Text(text) => {
                    if let Some(end) = self.piece(&text) {
                        return Some(end);
                    }
                }
                Said::End if self.at == self.expected.len() => return Some(End::Whole),
                Said::End => {
                    return Some(End::Cut(format!("it said to be complete after `{}`", &self.expected[..self.at])));
                }
                Said::Error(error) => return Some(End::Cut(error)),
                Said::Other => {}
            }
        }
        None
    }

    fn piece(&mut self, text: &str) -> Option<End> {
        if text.is_empty() {
            return None;
        }
        if !self.expected[self.at..].starts_with(text) {
            return Some(End::Crossed(format!("`{text}` instead of `{}`", &self.expected[self.at..])));
        }
        self.first.get_or_insert_with(|| self.began.elapsed());
        self.at += text.len();
        self.pieces += 1;
        self.abort_after.filter(|after| self.pieces >= *after).map(|_| End::Aborted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader makes of bytes that come in these parts.
    fn check(parts: &[&str], abort_after: Option<usize>, expect: Option<End>) {
        let pace = Pace { chunks: 2, mark: "a".to_owned(), ..Pace::default() };
        let mut reading = Reading::new(Dialect::Openai, &pace, abort_after);
        let end = parts.iter().find_map(|part| reading.take(part.as_bytes()));
        assert_eq!(end, expect, "{parts:?}");
    }

    fn text(text: &str) -> String {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    }

    #[test]
    fn a_stream_is_held_against_its_mark() {
        let (one, two, end) = (text(" a.0"), text(" a.1"), "data: [DONE]\n\n");
        check(&[&one, &two, end], None, Some(End::Whole));
        check(&[&text(" a.0 a.1"), end], None, Some(End::Whole));
        check(&[&one[..20], &one[20..], &two, "data:[DONE]\r\n"], None, Some(End::Whole));
        check(&[&one, &two], None, None);
        check(&[&one, &two, end], Some(1), Some(End::Aborted));
        check(&[&one, &two, end], Some(3), Some(End::Whole));
        check(&[&one, end], None, Some(End::Cut("it said to be complete after ` a.0`".to_owned())));
        check(&[&one, &text(" b.1")], None, Some(End::Crossed("` b.1` instead of ` a.1`".to_owned())));
        check(&[&two], None, Some(End::Crossed("` a.1` instead of ` a.0 a.1`".to_owned())));
        check(&[&one, &two, &text(" a.2")], None, Some(End::Crossed("` a.2` instead of ``".to_owned())));
        let error = "{\"error\":{\"message\":\"no\"}}";
        check(&[&format!("data: {error}\n\n")], None, Some(End::Cut(error.to_owned())));
        check(&[": a comment\n", "event: x\n", &one], None, None);
    }

    #[test]
    fn those_that_are_given_up_lie_among_the_others() {
        let of = |percent| (0..2_000).filter(|index| abort_after(*index, percent).is_some()).count();
        assert_eq!([of(0), of(1), of(7), of(100)], [0, 20, 140, 2_000]);
        assert!((0..2_000).filter_map(|index| abort_after(index, 100)).all(|after| (1..=10).contains(&after)));
    }

    #[test]
    fn ends_are_counted_and_the_first_failure_is_told() {
        let mut tally = Tally::default();
        let first = Some(Duration::from_millis(2));
        let ends = [End::Whole, End::Aborted, End::Stuck, End::Cut("x".to_owned()), End::Refused("y".to_owned())];
        for end in ends {
            tally.add(end, first);
        }
        tally.add(End::Crossed("z".to_owned()), None);
        let counts = [tally.whole, tally.aborted, tally.stuck, tally.cut, tally.refused, tally.crossed];
        assert_eq!((counts, tally.first_us.len()), ([1; 6], 5));
        assert_eq!(tally.example.as_deref(), Some("stuck"));
    }
}

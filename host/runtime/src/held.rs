//! Stands between a call and whoever reads its answer, and holds back what may be the beginning of a credential: a server
//! can spread one over the pieces of an answer, letter by letter, and the mask of each piece by itself sees no more than
//! that (attacks 89 and 91). What is held goes on unchanged as soon as it turns out to be something else.

use std::collections::VecDeque;

use creel_engine::{ChatCall, Masks, chat, types};
use creel_policy::fallback::CallFault;
use creel_policy::limits::HELD_BYTES_MAX;

use crate::deltas::{Field, pieces};
use crate::model::Failed;

/// Why an answer is cut off, for the client and the operator alike.
pub(crate) const SPREAD: &str = "the answer spread a credential of the gateway over its pieces, so it was cut off";
/// Bytes of a text's end that are held when they may begin a credential. Fewer are in every third word, and give nothing
/// away.
const TAIL_BYTES_MIN: usize = 4;
/// Texts that are remembered at once; of those that end in fewer bytes of a credential some are forgotten beyond it.
const TEXTS_MAX: usize = 64;

/// The pieces of one answer, as far as they are held.
pub(crate) struct Held {
    masks: Masks,
    /// Whether there is anything to look for; else all goes through.
    looks: bool,
    /// The texts of the answer that end in what a credential may begin with.
    texts: Vec<Text>,
    /// What goes before all else.
    ahead: VecDeque<chat::Output>,
    /// What is held, in order; `None` where the text was masked further behind.
    waiting: VecDeque<Option<chat::Output>>,
    /// The number of the first that is held.
    first: usize,
    /// The number of the first that may not go on yet.
    stop: usize,
    bytes: usize,
    is_over: bool,
}

/// A text that is put together of pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Text,
    Reasoning,
    Arguments(u32),
    Native(Field, u64),
}

/// The end of a text.
struct Text {
    name: Name,
    /// As much of it as a credential may begin with; never empty.
    tail: String,
    /// How much of that has gone on.
    gone_bytes: usize,
    /// The number of the first piece that is held for it.
    since: Option<usize>,
}

/// The answer holds a credential, where it cannot be masked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spread;

impl From<Spread> for Failed {
    fn from(Spread: Spread) -> Self {
        Self::new(CallFault::Refused, SPREAD.to_owned())
    }
}

/// What comes in the place of the pieces of a credential.
struct Masked {
    /// How much of the pieces before it is taken back.
    back_bytes: usize,
    /// What the last piece says instead.
    text: String,
}

impl Held {
    pub(crate) fn new(masks: Masks) -> Self {
        Self {
            looks: masks.look(),
            masks,
            texts: Vec::new(),
            ahead: VecDeque::new(),
            waiting: VecDeque::new(),
            first: 0,
            stop: 0,
            bytes: 0,
            is_over: false,
        }
    }

    /// The next piece of a call's answer, without a credential; `None` at its end.
    pub(crate) async fn next(&mut self, call: &mut ChatCall) -> Result<Option<chat::Output>, Failed> {
        loop {
            if let Some(output) = self.ahead.pop_front().or_else(|| self.pop()) {
                return Ok(Some(output));
            }
            if self.is_over {
                return Ok(None);
            }
            let output = match call.next().await {
                Ok(Some(output)) => self.take(output).map_err(Failed::from),
                Ok(None) => {
                    self.end();
                    continue;
                }
                Err(end) => Err(end.into()),
            };
            match output {
                Ok(None) => {}
                Ok(output) => return Ok(output),
                Err(failed) => {
                    self.waiting.clear();
                    self.is_over = true;
                    return Err(failed);
                }
            }
        }
    }

    /// Puts pieces back that were taken, before all others.
    pub(crate) fn put_back(&mut self, outputs: VecDeque<chat::Output>) {
        self.ahead = outputs;
    }

    /// Takes a piece; gives the first that may go on.
    fn take(&mut self, output: chat::Output) -> Result<Option<chat::Output>, Spread> {
        let output = masked(&self.masks, output);
        if !self.looks {
            return Ok(Some(output));
        }
        let number = self.first + self.waiting.len();
        let output = self.heard(output, number)?;
        self.stop = self.texts.iter().filter_map(|text| text.since).min().unwrap_or(number + 1);
        if self.waiting.is_empty() && self.stop > number {
            self.first = number + 1;
            return Ok(Some(output));
        }
        self.bytes = self.bytes.saturating_add(bytes_of(&output));
        if self.bytes > HELD_BYTES_MAX {
            return Err(Spread);
        }
        self.waiting.push_back(Some(output));
        Ok(self.pop())
    }

    /// The first piece that may go on.
    fn pop(&mut self) -> Option<chat::Output> {
        while self.first < self.stop {
            let output = self.waiting.pop_front()?;
            self.first += 1;
            if let Some(output) = output {
                self.bytes = self.bytes.saturating_sub(bytes_of(&output));
                return Some(output);
            }
        }
        None
    }

    /// The answer is over: what is held was no credential.
    fn end(&mut self) {
        self.stop = self.first + self.waiting.len();
        self.is_over = true;
    }

    /// Listens to what a piece says, and masks it where that ends a credential.
    fn heard(&mut self, output: chat::Output, number: usize) -> Result<chat::Output, Spread> {
        Ok(match output {
            chat::Output::Text(text) => chat::Output::Text(self.own(Name::Text, text, number)?),
            chat::Output::Reasoning(types::Reasoning { text, signature }) => {
                let text = self.own(Name::Reasoning, text, number)?;
                chat::Output::Reasoning(types::Reasoning { text, signature })
            }
            chat::Output::ToolCallArguments((index, json)) => {
                chat::Output::ToolCallArguments((index, self.own(Name::Arguments(index), json, number)?))
            }
            chat::Output::Native(data) => {
                self.native(&data, number)?;
                chat::Output::Native(data)
            }
            other @ (chat::Output::ToolCallStart(_)
            | chat::Output::Media(_)
            | chat::Output::Usage(_)
            | chat::Output::Finished(_)) => other,
        })
    }

    /// Of a piece in our own words the text can be changed.
    fn own(&mut self, name: Name, text: String, number: usize) -> Result<String, Spread> {
        let Some(Masked { back_bytes, text }) = self.hear(name, &text, number)? else { return Ok(text) };
        self.take_back(name, back_bytes);
        Ok(text)
    }

    /// An event in the words of its server cannot.
    fn native(&mut self, data: &str, number: usize) -> Result<(), Spread> {
        let mut heard = Ok(());
        pieces(data, |piece| {
            if heard.is_err() {
                return;
            }
            let is_hidden = !piece.is_plain && self.masks.hide_in(piece.text);
            heard = match self.hear(Name::Native(piece.field, piece.place), piece.text, number) {
                Ok(None) if !is_hidden => Ok(()),
                Ok(Some(_) | None) | Err(Spread) => Err(Spread),
            };
        });
        heard
    }

    /// Takes more of a text. One that holds a credential by itself was masked before.
    fn hear(&mut self, name: Name, more: &str, number: usize) -> Result<Option<Masked>, Spread> {
        let Some(at) = self.texts.iter().position(|text| text.name == name) else {
            if let Some(text) = Text::begun(name, more, (&self.masks, number)) {
                self.remember(text)?;
            }
            return Ok(None);
        };
        let text = &mut self.texts[at];
        let masked = text.go_on(more, (&self.masks, number));
        if text.tail.is_empty() {
            self.texts.swap_remove(at);
        }
        Ok(masked)
    }

    fn remember(&mut self, text: Text) -> Result<(), Spread> {
        if self.texts.len() >= TEXTS_MAX {
            self.texts.retain(|text| text.since.is_some());
        }
        if self.texts.len() >= TEXTS_MAX {
            return Err(Spread);
        }
        self.texts.push(text);
        Ok(())
    }

    /// Takes the last bytes of a text out of the pieces that are held.
    fn take_back(&mut self, name: Name, mut bytes: usize) {
        for held in self.waiting.iter_mut().rev() {
            if bytes == 0 {
                return;
            }
            let said = match held {
                Some(chat::Output::Text(text)) if name == Name::Text => text,
                Some(chat::Output::Reasoning(reasoning)) if name == Name::Reasoning => &mut reasoning.text,
                Some(chat::Output::ToolCallArguments((index, json))) if name == Name::Arguments(*index) => json,
                Some(_) | None => continue,
            };
            let kept = said.len().saturating_sub(bytes);
            bytes = bytes.saturating_sub(said.len());
            said.truncate(said.floor_char_boundary(kept));
            let is_empty = match held {
                Some(chat::Output::Reasoning(reasoning)) => reasoning.text.is_empty() && reasoning.signature.is_none(),
                Some(_) | None => kept == 0,
            };
            if is_empty {
                *held = None;
            }
        }
    }
}

impl Text {
    /// One that begins, or goes on behind something that no credential begins with.
    fn begun(name: Name, text: &str, (masks, number): (&Masks, usize)) -> Option<Self> {
        let tail = end_of(text, masks);
        let since = (tail.len() >= TAIL_BYTES_MIN).then_some(number);
        let gone_bytes = if since.is_some() { 0 } else { tail.len() };
        (!tail.is_empty()).then(|| Self { name, tail: tail.to_owned(), gone_bytes, since })
    }

    fn go_on(&mut self, more: &str, (masks, number): (&Masks, usize)) -> Option<Masked> {
        self.tail.push_str(more);
        if let Some(masked) = masks.masked(&self.tail) {
            // Of what has gone on nothing is said again.
            let gone = self.tail.as_bytes()[..self.gone_bytes].iter().zip(masked.as_bytes());
            let same = gone.take_while(|(one, other)| one == other).count();
            let back_bytes = self.tail.len() - more.len() - self.gone_bytes;
            let text = masked.get(same..).unwrap_or_default().to_owned();
            self.since = None;
            self.tail = masked;
            self.gone_bytes = 0;
            self.forget(text.len(), (masks, number));
            return Some(Masked { back_bytes, text });
        }
        self.forget(more.len(), (masks, number));
        None
    }

    /// Forgets all but the end that a credential may begin with, where the last piece has so many bytes.
    fn forget(&mut self, last_bytes: usize, (masks, number): (&Masks, usize)) {
        let before = self.tail.len() - end_of(&self.tail, masks).len();
        self.tail.drain(..before);
        self.gone_bytes = self.gone_bytes.saturating_sub(before);
        if self.tail.len() < TAIL_BYTES_MIN {
            self.since = None;
            self.gone_bytes = self.tail.len();
        } else if self.tail.len() <= last_bytes {
            self.since = Some(number);
        } else {
            self.since = self.since.or(Some(number));
        }
    }
}

/// The end of a text that a credential may begin with.
fn end_of<'a>(text: &'a str, masks: &Masks) -> &'a str {
    text.get(text.len() - masks.tail_bytes(text)..).unwrap_or_default()
}

/// What a piece weighs while it is held; one without a text weighs something too.
fn bytes_of(output: &chat::Output) -> usize {
    let text = match output {
        chat::Output::Text(text) | chat::Output::Native(text) | chat::Output::ToolCallArguments((_, text)) => {
            text.len()
        }
        chat::Output::Reasoning(reasoning) => {
            reasoning.text.len() + reasoning.signature.as_ref().map_or(0, String::len)
        }
        chat::Output::ToolCallStart((_, id, name)) => id.len() + name.len(),
        chat::Output::Media(_) | chat::Output::Usage(_) | chat::Output::Finished(_) => 0,
    };
    text + size_of::<chat::Output>()
}

/// Takes what stands in a piece by itself out of it.
fn masked(masks: &Masks, output: chat::Output) -> chat::Output {
    let mask = |text: String| masks.text(text);
    match output {
        chat::Output::Text(text) => chat::Output::Text(mask(text)),
        chat::Output::Native(data) => chat::Output::Native(mask(data)),
        chat::Output::Reasoning(types::Reasoning { text, signature }) => {
            chat::Output::Reasoning(types::Reasoning { text: mask(text), signature: signature.map(mask) })
        }
        chat::Output::ToolCallStart((index, id, name)) => chat::Output::ToolCallStart((index, mask(id), mask(name))),
        chat::Output::ToolCallArguments((index, json)) => chat::Output::ToolCallArguments((index, mask(json))),
        other @ (chat::Output::Media(_) | chat::Output::Usage(_) | chat::Output::Finished(_)) => other,
    }
}

#[cfg(test)]
mod tests;

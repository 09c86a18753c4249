//! A provider that describes pictures by itself: `look` reads one, `sentence` puts it into words, `answer` does so for a
//! request. It has no endpoint, no credential and no network, so a picture shown to it goes nowhere.

mod colour;
mod limits;
mod look;
mod sentence;

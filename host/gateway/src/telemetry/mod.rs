//! Spans and metrics of exchanges with models, in the GenAI conventions, exported as OTLP over HTTP where the operator names a
//! collector. Made of names and numbers: no content of a message ever gets here.

mod export;
mod json;
mod parent;
mod points;
mod span;

pub(crate) use export::keep_exporting;
pub(crate) use parent::Parent;
pub(crate) use span::Span;

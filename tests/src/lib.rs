//! What the tests through the public door have in common: built components, and an engine to run them in. No test
//! lives here, and nothing that knows what a plugin should do.

pub mod components;
pub mod rig;

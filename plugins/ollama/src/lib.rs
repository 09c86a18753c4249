//! ollama.

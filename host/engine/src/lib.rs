//! Runs plugins in wasmtime and turns their commands into I/O; no HTTP server, no CLI.

//! Requests of OpenAI's chat completions as clients write them, and what is written for such clients.

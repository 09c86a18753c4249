//! Turns of a conversation, from the message that came in to the reply that went out.

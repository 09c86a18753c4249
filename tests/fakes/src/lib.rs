//! Strict fakes of the services that plugins talk to, on loopback.

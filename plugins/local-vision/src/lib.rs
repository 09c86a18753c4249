//! local-vision.

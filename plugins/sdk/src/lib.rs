//! Write a Creel plugin as straight-line async code.

//! `creel secrets …`. What counts as a secret and where it is kept is not known here.

pub(crate) mod audit;

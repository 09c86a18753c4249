//! The engine through its public door. One binary, so that wasmtime is linked once; each module is one promise.

mod cache;
mod faults;
mod fitting;
mod load;
mod placements;
mod rascal;
mod reading;
mod refusals;
mod splice;
mod upstream;
mod writing;

//! The only layer that knows JavaScript: the class that `pkg/host.js` drives, frame sources, options, errors; and, in the
//! importer's module, the importer in that class's place, and in that of training what trains.

#[cfg(not(any(feature = "importer", feature = "trainer")))]
mod engine;
mod errors;
#[cfg(all(feature = "gpu", not(any(feature = "importer", feature = "trainer"))))]
mod gpu;
#[cfg(feature = "importer")]
mod importer;
#[cfg(not(any(feature = "importer", feature = "trainer")))]
mod info;
mod options;
mod origin;
#[cfg(not(any(feature = "importer", feature = "trainer")))]
mod source;
#[cfg(feature = "trainer")]
mod training;

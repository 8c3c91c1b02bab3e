//! The only layer that knows JavaScript: the class that `pkg/host.js` drives, frame sources, options, errors; and, in the
//! importer's module, the importer in that class's place.

#[cfg(not(feature = "importer"))]
mod engine;
mod errors;
#[cfg(all(feature = "gpu", not(feature = "importer")))]
mod gpu;
#[cfg(feature = "importer")]
mod importer;
#[cfg(not(feature = "importer"))]
mod info;
mod options;
mod origin;
#[cfg(not(feature = "importer"))]
mod source;

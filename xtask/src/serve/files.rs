//! Files by URL path: type, validator, compression.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use anyhow::Result;

use super::http::{Request, Response};

/// Folders under URL prefixes; the longest prefix that fits wins.
pub struct Files {
    mounts: Vec<(&'static str, PathBuf)>,
    /// Compressed bodies by validator, each made once.
    compressed: Mutex<HashMap<String, Arc<[u8]>>>,
}

impl Files {
    /// Serves `mounts`, each a URL prefix that ends in a slash, and a folder.
    pub fn new(mut mounts: Vec<(&'static str, PathBuf)>) -> Self {
        mounts.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self { mounts, compressed: Mutex::default() }
    }

    /// The file at a path, whole, or 404.
    pub fn answer(&self, request: &Request, path: &str) -> Result<Response> {
        let Some(file) = self.find(path) else {
            return Ok(Response::text("404 Not Found", &format!("There is no file at {path}.")));
        };
        let (mime, compressible) = mime(&file);
        let encoding = if compressible { Encoding::accepted(request.header("accept-encoding")) } else { None };
        let tag = validator(&file, encoding)?;
        let tagged = |response: Response| {
            response.header("ETag", tag.clone()).header("Cache-Control", "no-cache").header("Vary", "Accept-Encoding")
        };
        if request.header("if-none-match").split(',').any(|known| known.trim() == tag) {
            return Ok(tagged(Response::new("304 Not Modified", mime, Vec::new())));
        }
        let response = match encoding {
            None => Response::new("200 OK", mime, std::fs::read(&file)?),
            Some(encoding) => Response::new("200 OK", mime, self.compress(&file, &tag, encoding)?)
                .header("Content-Encoding", encoding.name()),
        };
        Ok(tagged(response))
    }

    /// The bytes at a path and their type, for faults made of real files.
    pub fn read(&self, path: &str) -> Option<(Vec<u8>, &'static str)> {
        let file = self.find(path)?;
        Some((std::fs::read(&file).ok()?, mime(&file).0))
    }

    fn find(&self, path: &str) -> Option<PathBuf> {
        let (prefix, folder) = self.mounts.iter().find(|(prefix, _)| path.starts_with(prefix))?;
        let mut file = folder.clone();
        for part in path[prefix.len()..].split('/').filter(|part| !part.is_empty()) {
            // Nothing leaves the folder, whatever the operating system thinks of these characters.
            if part == "." || part == ".." || part.contains(['\\', '\0', ':']) {
                return None;
            }
            file.push(part);
        }
        if file.is_dir() {
            file.push("index.html");
        }
        file.is_file().then_some(file)
    }

    fn compress(&self, file: &Path, tag: &str, encoding: Encoding) -> Result<Arc<[u8]>> {
        // A thread that panicked while it held the lock left the map whole: entries are inserted in one go.
        if let Some(body) = self.compressed.lock().unwrap_or_else(PoisonError::into_inner).get(tag) {
            return Ok(body.clone());
        }
        let body: Arc<[u8]> = encoding.compress(&std::fs::read(file)?)?.into();
        self.compressed.lock().unwrap_or_else(PoisonError::into_inner).insert(tag.to_owned(), body.clone());
        Ok(body)
    }
}

/// Size and time of a file, and the encoding: a strong validator needs one for each body.
fn validator(file: &Path, encoding: Option<Encoding>) -> Result<String> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let metadata = std::fs::metadata(file)?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    let name = encoding.map_or("", Encoding::name);
    Ok(format!("\"{:x}-{:x}-{modified:x}{name}\"", hasher.finish(), metadata.len()))
}

/// The media type of a file, and whether compression makes it smaller.
fn mime(file: &Path) -> (&'static str, bool) {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => ("text/html; charset=utf-8", true),
        "js" | "mjs" => ("text/javascript; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "json" | "map" => ("application/json", true),
        "webmanifest" => ("application/manifest+json", true),
        "wasm" => ("application/wasm", true),
        "svg" => ("image/svg+xml", true),
        "txt" | "md" | "csv" | "ts" => ("text/plain; charset=utf-8", true),
        "png" => ("image/png", false),
        "jpg" | "jpeg" => ("image/jpeg", false),
        "bmp" => ("image/bmp", false),
        "gif" => ("image/gif", false),
        "webp" => ("image/webp", false),
        "ico" => ("image/x-icon", false),
        "mp4" => ("video/mp4", false),
        "webm" => ("video/webm", false),
        _ => ("application/octet-stream", false),
    }
}

/// A content coding.
#[derive(Clone, Copy)]
pub enum Encoding {
    /// Brotli.
    Brotli,
    /// Gzip.
    Gzip,
}

impl Encoding {
    /// The better one of those that the browser accepts; `q` values other than zero make no difference here.
    fn accepted(header: &str) -> Option<Self> {
        let accepts = |name: &str| {
            header.split(',').any(|part| {
                let (coding, quality) = part.split_once(';').unwrap_or((part, ""));
                coding.trim() == name && !matches!(quality.replace(' ', "").as_str(), "q=0" | "q=0.0")
            })
        };
        [Self::Brotli, Self::Gzip].into_iter().find(|encoding| accepts(encoding.name()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// As small as the encoding gets it, which is what a static host would send.
    pub fn compress(self, bytes: &[u8]) -> Result<Vec<u8>> {
        const BUFFER_BYTES: usize = 4096;
        const BROTLI_BEST: u32 = 11;
        const BROTLI_WINDOW_BITS: u32 = 22;
        let mut out = Vec::new();
        match self {
            Self::Brotli => {
                brotli::CompressorWriter::new(&mut out, BUFFER_BYTES, BROTLI_BEST, BROTLI_WINDOW_BITS)
                    .write_all(bytes)?;
            }
            Self::Gzip => {
                let mut gzip = flate2::write::GzEncoder::new(&mut out, flate2::Compression::best());
                gzip.write_all(bytes)?;
                gzip.finish()?;
            }
        }
        Ok(out)
    }
}

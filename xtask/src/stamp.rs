//! Stamps: a step whose inputs hash to what they hashed to last time has nothing to do.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use sha2::{Digest, Sha256};

use crate::paths;

/// The hash of everything that a step reads.
#[derive(Default)]
pub struct Inputs(Sha256);

impl Inputs {
    /// Adds a word: a version, a flag.
    pub fn word(mut self, word: &str) -> Self {
        self.0.update(word.len().to_le_bytes());
        self.0.update(word);
        self
    }

    /// Adds a file, or all files of a folder, by path below the root; what does not exist counts as empty.
    pub fn path(mut self, path: &str) -> Result<Self> {
        let full = paths::at(path);
        let files = if full.is_dir() { paths::files_below(&full)? } else { vec![full] };
        for file in files.iter().filter(|file| file.is_file()) {
            let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            self = self.word(&file.to_string_lossy());
            self.0.update(bytes.len().to_le_bytes());
            self.0.update(bytes);
        }
        Ok(self)
    }

    /// The hash, in hexadecimal.
    pub fn hash(self) -> String {
        hex(&self.0.finalize())
    }

    /// The hash, to be compared and kept.
    pub fn stamp(self, name: &'static str) -> Stamp {
        Stamp { file: paths::at("target/stamps").join(name), hash: self.hash() }
    }
}

/// A hash and the file that remembers it.
pub struct Stamp {
    file: PathBuf,
    hash: String,
}

impl Stamp {
    /// Whether the inputs are those of last time and all outputs are still there.
    pub fn is_fresh(&self, outputs: &[&Path]) -> bool {
        outputs.iter().all(|output| output.exists())
            && std::fs::read_to_string(&self.file).is_ok_and(|hash| hash == self.hash)
    }

    /// Remembers the inputs, once the step has succeeded.
    pub fn keep(&self) -> Result<()> {
        write(&self.file, self.hash.as_bytes())
    }
}

/// Writes a file and the folders above it.
pub fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    std::fs::write(file, bytes).with_context(|| format!("writing {}", file.display()))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Sha-256 as 64 hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Sha-256 as the web writes it: `sha256-<base64>`.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(bytes)))
}

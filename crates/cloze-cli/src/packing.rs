//! Output that is compressed while it is written, if its name says so.

use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;

use crate::args::Compression;

impl Compression {
    /// How a file of this name is compressed.
    pub(crate) fn of_path(path: &Path) -> Compression {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("gz" | "gzip") => Compression::Gzip,
            Some("zst" | "zstd") => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// What the name of a file ends with that is compressed so.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        }
    }
}

/// What is written, compressed or not.
pub(crate) enum Packing<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packing<W> {
    /// Begins to write `output`, the contents of a file called `path`.
    pub(crate) fn named(path: &Path, output: W) -> io::Result<Packing<W>> {
        match Compression::of_path(path) {
            Compression::Gzip => Ok(Packing::Gzip(GzEncoder::new(output, flate2::Compression::default()))),
            Compression::Zstd => {
                let level = zstd::DEFAULT_COMPRESSION_LEVEL;
                zstd::Encoder::new(output, level).map(Packing::Zstd)
            }
            Compression::None => Ok(Packing::Plain(output)),
        }
    }

    /// Writes the end.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Packing::Plain(output) => Ok(output),
            Packing::Gzip(encoder) => encoder.finish(),
            Packing::Zstd(encoder) => encoder.finish(),
        }?
        .flush()
    }
}

impl<W: Write> Write for Packing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Packing::Plain(output) => output.write(bytes),
            Packing::Gzip(encoder) => encoder.write(bytes),
            Packing::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Packing::Plain(output) => output.flush(),
            // Flushing makes the file larger, and nobody reads it before it is complete.
            Packing::Gzip(_) | Packing::Zstd(_) => Ok(()),
        }
    }
}

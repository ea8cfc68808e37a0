//! Files that only their owner can read: they hold people's texts.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use cloze::Error;
use tempfile::NamedTempFile;

/// Lets a file that is created be read by its owner only.
pub(crate) fn own_file(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Creates a folder, and those above it, that only its owner can look into. One that is there stays as it is.
pub(crate) fn own_folder(path: &Path) -> cloze::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| Error::io("create", path, source))
}

/// Writes a file whole or not at all: under another name, which is then given to it. Temporary files are their owner's alone.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> cloze::Result<()> {
    let written = || -> io::Result<()> {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    written().map_err(|source| Error::io("write", path, source))
}

//! Files that only their owner can read: they hold people's texts.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use cloze::Error;

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

/// Writes a file whole or not at all: under another name, which is then given to it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> cloze::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let temporary = Path::new(&name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    own_file(&mut options);
    let written = (|| -> io::Result<()> {
        let mut file = options.open(temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(temporary, path)
    })();
    written.map_err(|source| {
        let _ = std::fs::remove_file(temporary);
        Error::io("write", path, source)
    })
}

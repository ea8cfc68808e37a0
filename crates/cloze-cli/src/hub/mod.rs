//! Models of the Hugging Face hub: how their files come here, and where they lie afterwards.
//!
//! [`client`] is the only module of the program that opens a connection, and `cloze fetch` the only verb that uses it; a test
//! below holds both, and that only `cloze serve` listens. What has been fetched is found in the [`cache`] without one.

pub(crate) mod cache;
mod client;
mod digest;
mod download;
mod fetch;
mod listing;
mod name;

pub(crate) use fetch::{Heard, Request, fetch};
pub(crate) use name::{Name, Revision};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// All sources below a directory.
    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => sources(&path, found),
                Some(extension) if extension == "rs" => found.push(path),
                _ => {}
            }
        }
    }

    /// The sources of the workspace that contain one of these words, as paths below `crates`.
    fn with(words: &[&str]) -> Vec<String> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = Vec::new();
        for name in ["cloze", "cloze-cli", "cloze-encoder", "cloze-label", "cloze-server"] {
            sources(&crates.join(name).join("src"), &mut found);
        }
        found.retain(|path| {
            let text = fs::read_to_string(path).unwrap();
            words.iter().any(|word| text.contains(word))
        });
        let mut names: Vec<String> = found
            .iter()
            .map(|path| path.strip_prefix(crates).unwrap().to_string_lossy().replace('\\', "/"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn one_module_dials_two_crates_listen_and_one_verb_uses_each() {
        // In pieces, so that this file is not among the found.
        let dialling = [concat!("ure", "q::"), concat!("Stream::", "connect"), concat!("Udp", "Socket")];
        assert_eq!(with(&dialling), ["cloze-cli/src/hub/client.rs"]);
        assert_eq!(with(&[concat!("hub::", "fetch(")]), ["cloze-cli/src/commands/fetch.rs"]);
        let listening = [concat!("Tcp", "Listener"), concat!("Unix", "Listener")];
        assert_eq!(
            with(&listening),
            ["cloze-label/src/project.rs", "cloze-server/src/connections.rs", "cloze-server/src/lib.rs"]
        );
        let verbs = ["cloze-cli/src/commands/label.rs", "cloze-cli/src/commands/serve.rs"];
        assert_eq!(with(&[concat!("Server::", "bind(")]), verbs);
        assert_eq!(with(&[concat!("Client::", "from_env(")]), ["cloze-cli/src/hub/fetch.rs"]);
    }
}

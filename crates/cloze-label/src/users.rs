//! People who sign in: a file with their names and the hashes of their passwords.
//!
//! A line is `NAME:HASH`, the hash a PHC string of Argon2id. Lines that begin with `#` say nothing. Passwords are made here, 125 random bits
//! each, so none can be guessed, and none is used elsewhere.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use cloze::Error;

use crate::private;

/// How long a name may be, in bytes.
const NAME: usize = 60;

/// Letters of passwords: those that nobody takes for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// People, and the hashes of their passwords.
#[derive(Debug, Clone, Default)]
pub struct Users {
    hashes: BTreeMap<String, PasswordHash>,
}

/// Whether somebody can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME
        && name.trim() == name
        && !name.contains(char::is_control)
        && name != crate::state::IMPORTED
}

impl Users {
    /// Reads a file of users.
    ///
    /// # Errors
    /// When it cannot be read, a line is not one of a user, or there is no user.
    pub fn open(path: &Path) -> cloze::Result<Users> {
        let text = fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        let users = Users::parse(&text, path)?;
        if users.hashes.is_empty() {
            return Err(Error::usage(
                format!("there is nobody in `{}`", path.display()),
                format!("add people with `cloze users {} NAME`", path.display()),
            ));
        }
        Ok(users)
    }

    fn parse(text: &str, path: &Path) -> cloze::Result<Users> {
        let mut users = Users::default();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: &str| {
                Error::usage(
                    format!("line {} of `{}` {why}", number + 1, path.display()),
                    "remove the line, and let `cloze users FILE NAME` write one",
                )
            };
            let (name, hash) = line.split_once(':').ok_or_else(|| wrong("has no `NAME:HASH`"))?;
            let hash = PasswordHash::new(hash.trim()).ok().filter(|hash| hash.hash.is_some());
            let hash = hash.ok_or_else(|| wrong("has no hash of a password"))?;
            if !is_name(name) {
                return Err(wrong("has a name that nobody can have"));
            }
            if users.hashes.insert(name.to_owned(), hash).is_some() {
                return Err(wrong(&format!("is the second of `{name}`")));
            }
        }
        Ok(users)
    }

    /// Adds people to a file, which is created if there is none, and gives the password of each.
    ///
    /// # Errors
    /// When somebody is there already or cannot have that name, or the file cannot be read or written. Then nobody is added.
    pub fn add(path: &Path, names: &[String]) -> cloze::Result<Vec<(String, String)>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::io("read", path, source)),
        };
        let mut users = Users::parse(&text, path)?;
        let mut lines = String::new();
        let mut added = Vec::new();
        for name in names {
            if !is_name(name) || name.contains(':') || name.starts_with('#') {
                return Err(Error::usage(
                    format!("`{name}` cannot be a name"),
                    "give at most 60 letters, without a colon",
                ));
            }
            let password = password();
            let hash = hashed(&password);
            lines += &format!("{name}:{hash}\n");
            if users.hashes.insert(name.clone(), hash).is_some() {
                return Err(Error::usage(
                    format!("`{name}` is in `{}` already", path.display()),
                    "for a new password, remove the line of that name first",
                ));
            }
            added.push((name.clone(), password));
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        private::own_file(&mut options);
        let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written = options.open(path).and_then(|mut file| {
            file.write_all(format!("{separator}{lines}").as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| Error::io("write", path, source))?;
        Ok(added)
    }

    /// Whether this is somebody's password. It takes the same work whether there is somebody of that name or not.
    pub(crate) fn verify(&self, name: &str, password: &str) -> bool {
        let known = self.hashes.get(name);
        // There is at least one user; see `open`.
        let Some(hash) = known.or_else(|| self.hashes.values().next()) else { return false };
        Argon2::default().verify_password(password.as_bytes(), hash).is_ok() && known.is_some()
    }
}

/// Random bytes of the system.
pub(crate) fn random<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    // Without random numbers of the system nothing here is safe.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

/// Five letters each in five groups: 125 random bits.
fn password() -> String {
    let letters: Vec<char> =
        random::<25>().iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
    letters.chunks(5).map(String::from_iter).collect::<Vec<_>>().join("-")
}

fn hashed(password: &str) -> PasswordHash {
    // Passwords made here and salts of 16 bytes are within all limits of the algorithm.
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &random::<16>())
        .expect("the usual parameters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_added_and_known_by_their_password_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let added = Users::add(&path, &["ann".into(), "Jo Müller".into()]).unwrap();
        assert_eq!(added.len(), 2);
        assert!(added.iter().all(|(_, password)| password.len() == 29), "{added:?}");
        assert_ne!(added[0].1, added[1].1);
        let users = Users::open(&path).unwrap();
        for (name, password) in &added {
            assert!(users.verify(name, password));
            assert!(!users.verify("bob", password));
            assert!(!users.verify(name, &password[1..]));
        }
        assert!(!users.verify("ann", &added[1].1));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(":$argon2id$") && !text.contains(&added[0].1), "{text}");
    }

    #[test]
    fn nobody_is_added_twice_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, "# our people").unwrap();
        let [(_, password)] = &Users::add(&path, &["ann".into()]).unwrap()[..] else { panic!() };
        for names in
            [&["bob", "ann"][..], &["bob", "bob"], &["a:b"], &[""], &["#ann"], &["a\nb"], &["the file"]]
        {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            assert!(Users::add(&path, &names).is_err(), "{names:?}");
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# our people\nann:") && text.lines().count() == 2, "{text}");
        assert!(Users::open(&path).unwrap().verify("ann", password));
    }

    #[test]
    fn a_line_that_is_not_a_user_s_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        for (text, line) in [("ann", 1), ("\nann:secret", 2), ("ann:$argon2id$v=19", 1)] {
            fs::write(&path, text).unwrap();
            let error = Users::open(&path).unwrap_err();
            assert!(error.to_string().contains(&format!("line {line} of")), "{error}");
            assert!(Users::add(&path, &["bob".into()]).is_err());
        }
        fs::write(&path, "# nobody\n").unwrap();
        assert!(Users::open(&path).unwrap_err().remedy().unwrap().contains("cloze users"));
    }
}

//! The modules of the libraries: what they need of each other goes one way, among rooms and within each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::Outcome;

/// The crates that are held to it.
const CRATES: [&str; 2] = ["cloze", "cloze-encoder"];

/// Where a module stands below the crate, from the outside in.
type Module = Vec<String>;

/// For every module the modules beside it that it, or one within it, names; for each the file that does.
type Needs = BTreeMap<Module, BTreeMap<Module, String>>;

pub(crate) fn check(root: &Path) -> Outcome {
    let mut modules = 0;
    let mut failed = 0;
    for name in CRATES {
        let sources = format!("crates/{name}/src");
        let mut files = BTreeMap::new();
        read(&root.join(&sources), &[], &mut files);
        let door = fs::read_to_string(root.join(&sources).join("lib.rs")).unwrap_or_default();
        let mut needs = needs(&files, &exports(&door));
        modules += needs.len();
        keep_circles(&mut needs);
        failed += needs.len();
        for (module, others) in &needs {
            for (other, file) in others {
                println!(
                    "{sources}/{file}: `{}` needs `{}`, and it the other way round",
                    module.join("::"),
                    other.join("::")
                );
            }
        }
    }
    println!("{modules} modules that need others");
    Outcome::Done { passed: modules - failed, failed }
}

/// The names that `lib.rs` gives out as its own, each with where it really is.
fn exports(door: &str) -> BTreeMap<String, Module> {
    let mut found = Vec::new();
    for (start, word) in door.match_indices("\npub use ") {
        tree(&mut &door[start + word.len()..], &[], &mut found);
    }
    found.into_iter().filter_map(|path| Some((path.last()?.clone(), path))).collect()
}

/// Reads the modules in a folder, and those below it, without their tests.
fn read(dir: &Path, within: &[String], files: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(name) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { continue };
        let module = [within, &[name]].concat();
        if path.is_dir() {
            read(&path, &module, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && module != ["lib"] {
            files.insert(module, fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// What modules need of others that have the same parent. What stands further in counts for the modules that it is in. What `exports` names
/// counts where it really is.
fn needs(files: &BTreeMap<Module, String>, exports: &BTreeMap<String, Module>) -> Needs {
    let mut needs = Needs::new();
    for (module, text) in files {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for path in paths(&code.join("\n"), module) {
            let path = path.first().and_then(|name| exports.get(name)).unwrap_or(&path);
            let Some(known) =
                (1..=path.len()).rev().map(|end| &path[..end]).find(|path| files.contains_key(*path))
            else {
                continue;
            };
            let common = module.iter().zip(known).take_while(|(here, there)| here == there).count();
            if common < module.len() && common < known.len() {
                let here = module[..=common].to_vec();
                let there = known[..=common].to_vec();
                let file = format!("{}.rs", module.join("/"));
                needs.entry(here).or_default().entry(there).or_insert(file);
            }
        }
    }
    needs
}

/// Leaves only modules that need each other, in whatever roundabout way.
fn keep_circles(needs: &mut Needs) {
    loop {
        let before: usize = needs.values().map(BTreeMap::len).sum();
        let (from, to): (BTreeSet<Module>, BTreeSet<Module>) =
            (needs.keys().cloned().collect(), needs.values().flat_map(BTreeMap::keys).cloned().collect());
        for others in needs.values_mut() {
            others.retain(|other, _| from.contains(other));
        }
        needs.retain(|module, others| to.contains(module) && !others.is_empty());
        if needs.values().map(BTreeMap::len).sum::<usize>() == before {
            return;
        }
    }
}

/// The paths in a module's code that begin with `crate` or `super`, from the crate on.
fn paths(code: &str, module: &[String]) -> Vec<Module> {
    let mut found = Vec::new();
    for (start, word) in ["crate::", "super::"].into_iter().flat_map(|word| code.match_indices(word)) {
        let before = code[..start].chars().next_back().unwrap_or(' ');
        if before.is_alphanumeric() || before == '_' || before == ':' {
            continue;
        }
        let mut rest = &code[start..];
        let mut base = Vec::new();
        if word == "super::" {
            base = module.to_vec();
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
        } else {
            rest = &rest[word.len()..];
        }
        tree(&mut rest, &base, &mut found);
    }
    found
}

/// Reads what follows `::`, a name, a path or several in braces, and notes the paths in it.
fn tree(rest: &mut &str, base: &[String], found: &mut Vec<Module>) {
    *rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        *rest = inner;
        loop {
            *rest = rest.trim_start();
            match rest.chars().next() {
                Some('}') => {
                    *rest = &rest[1..];
                    return;
                }
                Some(',') => *rest = &rest[1..],
                Some(c) if c.is_alphanumeric() || c == '_' || c == '{' => tree(rest, base, found),
                // No list of names after all.
                _ => return,
            }
            // `a as b`
            if let Some(after) = rest.strip_prefix(" as ") {
                *rest = after.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
            }
        }
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    *rest = after;
    if name.is_empty() || name == "self" {
        found.push(base.to_vec());
        return;
    }
    let path = [base, &[name.to_owned()]].concat();
    match rest.strip_prefix("::") {
        Some(inner) => {
            *rest = inner;
            tree(rest, &path, found);
        }
        None => found.push(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> BTreeMap<Module, String> {
        let module = |name: &str| name.split('/').map(str::to_owned).collect();
        files.iter().map(|(name, text)| (module(name), (*text).to_owned())).collect()
    }

    #[test]
    fn paths_are_found_in_lists_and_code() {
        let module = ["a".to_owned(), "b".to_owned()];
        let text = "use crate::{Error, c::{D, e::F as G}};\nuse super::x::Y;\nfn f() { crate::run::go(); mycrate::no(); }";
        let mut found: Vec<String> = paths(text, &module).iter().map(|path| path.join("::")).collect();
        found.sort();
        assert_eq!(found, ["Error", "a::x::Y", "c::D", "c::e::F", "run::go"]);
    }

    #[test]
    fn circles_among_rooms_and_within_one_are_found() {
        let files = [
            ("a", ""),
            ("a/one", "use crate::b::B;\nuse super::two::Two;"),
            ("a/two", "use crate::a::one::One;"),
            (
                "b",
                "use crate::c::C;\n// crate::a is only spoken of\n#[cfg(test)]\nmod tests { use crate::a::A; }",
            ),
            ("c", "fn f() {}"),
        ];
        let mut found = needs(&crate_of(&files), &BTreeMap::new());
        assert_eq!(found.len(), 4, "{found:?}");
        keep_circles(&mut found);
        let names: Vec<String> = found.keys().map(|module| module.join("::")).collect();
        assert_eq!(names, ["a::one", "a::two"]);
        let mut found = needs(
            &crate_of(&[files[0], files[1], files[2], files[3], ("c", "use crate::a::one::One;")]),
            &BTreeMap::new(),
        );
        keep_circles(&mut found);
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn what_the_crate_gives_out_as_its_own_counts_where_it_is() {
        let exports = exports("mod a;\nmod b;\n\npub use a::{One, Two};\npub use b::B;\n");
        let files = [("a", "use crate::B;"), ("b", "use crate::{Two, c::C};")];
        let mut found = needs(&crate_of(&files), &exports);
        keep_circles(&mut found);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}

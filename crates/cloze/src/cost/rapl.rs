//! The energy counters of processors (RAPL, running average power limit), as Linux shows them: a folder of
//! `/sys/class/powercap` for each domain, for processors of Intel and AMD alike.
//!
//! A domain `intel-rapl:0` is a package, that is a processor with its cores, caches and graphics, and
//! `intel-rapl:0:0` is a part of it. Parts are left out, as they are counted with their package, except for
//! `dram`, which is not in it. `psys`, the whole platform, is left out too: few machines have it, and it
//! contains the packages. Since 2020 most systems let only root read the counters, because they reveal what a
//! processor computes.

use std::fs;
use std::path::{Path, PathBuf};

/// Where Linux shows them.
pub(super) const TREE: &str = "/sys/class/powercap";

/// What the names of domains begin with. A second interface to the same counters has another beginning.
const DOMAIN: &str = "intel-rapl:";

/// Dies of a package whose counters differ by less, in microjoules, show the same counter: it moves on by no
/// more while one is read after the other.
const SAME: u64 = 1_000_000;

/// The counters of the packages, and of memory that is counted apart.
#[derive(Debug)]
pub(super) struct Counters {
    counters: Vec<Counter>,
    /// The energy since the counters were opened, in microjoules; `None` once one could not be read.
    used: Option<u64>,
}

#[derive(Debug)]
struct Counter {
    file: PathBuf,
    /// The value, in microjoules, after which it starts again from 0.
    range: u64,
    last: u64,
}

impl Counters {
    /// The counters in the tree at `root`; `None` if there are none, or one of them cannot be read, as a sum
    /// without it would be too small.
    pub(super) fn open(root: &Path) -> Option<Counters> {
        let mut domains: Vec<PathBuf> = fs::read_dir(root)
            .ok()?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_domain(path))
            .collect();
        domains.sort();
        let mut packages: Vec<(String, u64)> = Vec::new();
        let mut counters = Vec::new();
        for domain in domains {
            let name = fs::read_to_string(domain.join("name")).ok()?.trim().to_owned();
            let package = name.split("-die-").next().filter(|package| package.starts_with("package"));
            if package.is_none() && name != "dram" {
                continue;
            }
            let file = domain.join("energy_uj");
            let (last, range) = (number(&file)?, number(&domain.join("max_energy_range_uj"))?);
            if let Some(package) = package {
                let is_seen = |(seen, value): &(String, u64)| seen == package && value.abs_diff(last) < SAME;
                if packages.iter().any(is_seen) {
                    continue;
                }
                packages.push((package.to_owned(), last));
            }
            counters.push(Counter { file, range, last });
        }
        (!packages.is_empty()).then_some(Counters { counters, used: Some(0) })
    }

    /// The energy in joules since the counters were opened; `None` from the moment on that one cannot be read.
    ///
    /// To be called before a counter can start again from 0 twice, which takes minutes at full power.
    pub(super) fn joules(&mut self) -> Option<f64> {
        let more: Option<u64> = self.counters.iter_mut().map(Counter::advance).sum();
        self.used = self.used.zip(more).map(|(used, more)| used + more);
        Some(self.used? as f64 / 1e6)
    }
}

impl Counter {
    /// What was added since it was last read, in microjoules.
    fn advance(&mut self) -> Option<u64> {
        let now = number(&self.file)?;
        let before = std::mem::replace(&mut self.last, now);
        Some(if now >= before { now - before } else { self.range.saturating_sub(before) + now })
    }
}

fn is_domain(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DOMAIN))
}

fn number(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A tree with domains, each with its name and value.
    pub(crate) fn tree(domains: &[(&str, &str, u64)]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        // The folder of the interface itself has no counter.
        fs::create_dir(tree.path().join("intel-rapl")).unwrap();
        for (folder, name, value) in domains {
            let folder = tree.path().join(folder);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("name"), format!("{name}\n")).unwrap();
            fs::write(folder.join("max_energy_range_uj"), "100000000\n").unwrap();
            fs::write(folder.join("energy_uj"), format!("{value}\n")).unwrap();
        }
        tree
    }

    /// Sets a counter to a value in microjoules, at once for whoever reads it meanwhile.
    pub(crate) fn set(tree: &tempfile::TempDir, folder: &str, value: u64) {
        let draft = tree.path().join("draft");
        fs::write(&draft, format!("{value}\n")).unwrap();
        fs::rename(draft, tree.path().join(folder).join("energy_uj")).unwrap();
    }

    /// What the first counter was when it was last read.
    pub(crate) fn last(counters: &Counters) -> u64 {
        counters.counters[0].last
    }

    fn open(tree: &tempfile::TempDir) -> Option<Counters> {
        Counters::open(tree.path())
    }

    #[test]
    fn packages_and_memory_are_added_up_and_what_they_contain_is_not() {
        let tree = tree(&[
            ("intel-rapl:0", "package-0", 10),
            ("intel-rapl:0:0", "core", 0),
            ("intel-rapl:0:1", "dram", 20),
            ("intel-rapl:1", "package-1", 10),
            ("intel-rapl:1:0", "uncore", 0),
            ("intel-rapl:2", "psys", 0),
            ("intel-rapl-mmio:0", "package-0", 0),
        ]);
        let mut counters = open(&tree).unwrap();
        assert_eq!(counters.joules(), Some(0.0));
        let domains = ["intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl:2"];
        for (folder, joules) in domains.into_iter().zip([1, 10, 100, 1000, 10_000]) {
            set(&tree, folder, joules * 100_000);
        }
        set(&tree, "intel-rapl-mmio:0", 99_000_000);
        assert_eq!(counters.joules(), Some((100_000 + 10_000_000 + 100_000_000 - 40) as f64 / 1e6));
    }

    #[test]
    fn a_counter_may_start_again_from_0() {
        let tree = tree(&[("intel-rapl:0", "package-0", 99_000_000), ("intel-rapl:1", "package-1", 0)]);
        let mut counters = open(&tree).unwrap();
        set(&tree, "intel-rapl:0", 3_000_000);
        assert_eq!(counters.joules(), Some(4.0));
        set(&tree, "intel-rapl:0", 5_000_000);
        set(&tree, "intel-rapl:1", 50_000_000);
        assert_eq!(counters.joules(), Some(56.0));
        set(&tree, "intel-rapl:0", 4_000_000);
        assert_eq!(counters.joules(), Some(155.0));
    }

    #[test]
    fn dies_that_show_the_same_counter_count_once() {
        let dies = |second: u64| {
            tree(&[
                ("intel-rapl:0", "package-0-die-0", 50_000_000),
                ("intel-rapl:1", "package-0-die-1", second),
                ("intel-rapl:2", "package-1-die-0", 50_000_000),
            ])
        };
        for (second, counted) in [(50_000_900, 2), (80_000_000, 3)] {
            let tree = dies(second);
            assert_eq!(open(&tree).unwrap().counters.len(), counted);
        }
    }

    #[test]
    fn a_counter_that_disappears_makes_the_energy_unknown_for_good() {
        let tree = tree(&[("intel-rapl:0", "package-0", 0), ("intel-rapl:1", "package-1", 0)]);
        let mut counters = open(&tree).unwrap();
        set(&tree, "intel-rapl:0", 7_000_000);
        let file = tree.path().join("intel-rapl:1/energy_uj");
        fs::remove_file(&file).unwrap();
        assert_eq!(counters.joules(), None);
        fs::write(&file, "9000000\n").unwrap();
        assert_eq!(counters.joules(), None);
    }

    #[test]
    fn where_a_counter_cannot_be_read_there_is_no_energy() {
        let domains = [("intel-rapl:0", "package-0", 0), ("intel-rapl:1", "package-1", 0)];
        for (folder, file) in
            [("intel-rapl:1", "energy_uj"), ("intel-rapl:1", "max_energy_range_uj"), ("intel-rapl:0", "name")]
        {
            // A folder cannot be read as a file, not even by root.
            let tree = tree(&domains);
            let file = tree.path().join(folder).join(file);
            fs::remove_file(&file).unwrap();
            fs::create_dir(&file).unwrap();
            assert!(open(&tree).is_none(), "{}", file.display());
        }
        assert!(open(&tree(&[("intel-rapl:0", "psys", 0), ("intel-rapl:0:0", "dram", 0)])).is_none());
        assert!(open(&tree(&[])).is_none());
        assert!(Counters::open(Path::new("no such folder")).is_none());
    }
}

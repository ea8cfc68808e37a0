//! The machine that work was done on.

use std::fmt;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

/// A machine, as far as it says what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// What the processor is called; `None` if the system does not tell.
    pub(crate) cpu: Option<String>,
    /// The number of cores that this process may use, hyper-threads included.
    pub(crate) cores: usize,
}

impl Machine {
    /// The one that this process runs on.
    pub(crate) fn here() -> Machine {
        let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Machine { cpu: model(&told), cores: available_parallelism().map_or(1, usize::from) }
    }
}

/// `Intel Xeon, 2 cores`.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cpu) = &self.cpu {
            write!(f, "{cpu}, ")?;
        }
        write!(f, "{} core{}", self.cores, if self.cores == 1 { "" } else { "s" })
    }
}

/// The processor's name in the text of `/proc/cpuinfo`.
fn model(told: &str) -> Option<String> {
    let line = told.lines().find(|line| line.starts_with("model name"))?;
    let name = line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_has_a_name_where_the_system_tells() {
        let told = "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Some  CPU @ 2GHz\nprocessor\t: 1\nmodel name\t: other\n";
        let machine = Machine { cpu: model(told), cores: 2 };
        assert_eq!(machine.to_string(), "Some CPU @ 2GHz, 2 cores");
        assert_eq!(Machine { cpu: model("processor\t: 0\n"), cores: 1 }.to_string(), "1 core");
        assert!(Machine::here().cores > 0);
    }
}

//! `cloze serve` against its own OpenAPI description: Schemathesis makes requests of it that are right and wrong in every way.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Outcome;
use crate::command::{cargo, exists, program, succeeds};
use crate::python::environment;

/// What it needs in Python.
const REQUIREMENTS: &str = "scripts/http-requirements.txt";

/// Requests of every kind and route.
const EXAMPLES: &str = "100";

pub(crate) fn check(root: &Path) -> Outcome {
    let folder = root.join("target/http");
    if !exists("python3") {
        return Outcome::NotRun("there is no `python3` to run Schemathesis with".into());
    }
    let Some(python) = environment(root, &folder.join("venv"), REQUIREMENTS) else {
        return Outcome::of(false);
    };
    let runs = folder.join("runs");
    let trained = succeeds(cargo(root).args(["build", "--quiet", "--package", "cloze-cli"]))
        && succeeds(cloze(root).args(["demo", "--quiet", "--runs"]).arg(&runs).stdout(Stdio::null()));
    let Some(mut server) = Some(()).filter(|()| trained).and_then(|()| Server::start(root, &runs)) else {
        return Outcome::of(false);
    };
    let description = format!("{}/openapi.json", server.address);
    let options = [
        "-m",
        "schemathesis.cli",
        "run",
        &description,
        "--checks",
        "all",
        "--max-examples",
        EXAMPLES,
        "--continue-on-failure",
    ];
    let passed =
        succeeds(program(root, python).args(options).args(["--generation-deterministic", "--no-color"]));
    Outcome::of(passed && server.is_alive())
}

/// The command as it was built.
fn cloze(root: &Path) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    program(root, target.join("debug").join(format!("cloze{}", std::env::consts::EXE_SUFFIX)))
}

/// A server of the newest run; it ends with this.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(root: &Path, runs: &Path) -> Option<Server> {
        let task = runs.join("demo/task.toml");
        let mut command = cloze(root);
        command.arg("serve").arg(task).arg("--runs").arg(runs);
        let mut child =
            command.args(["--listen", "127.0.0.1:0", "--json"]).stdout(Stdio::piped()).spawn().ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let mut server = Server { child, address: String::new() };
        let said: serde_json::Value = serde_json::from_str(&line).ok()?;
        server.address = said["address"].as_str()?.to_owned();
        Some(server)
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

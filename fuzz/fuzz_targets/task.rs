//! Any text is a task that survives being written out, or mistakes that point into it.
#![no_main]

use std::path::Path;

use cloze::Error;
use cloze::task::Task;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Task::parse("task.toml", text, Path::new("/data")) {
        Ok(task) => {
            let again =
                Task::parse("run.toml", &task.to_toml(), Path::new("/")).expect("a frozen task is a task");
            assert_eq!(again.to_toml(), task.to_toml());
        }
        Err(Error::Task(error)) => {
            for mistake in &error.mistakes {
                assert!(text.get(mistake.span.clone()).is_some());
            }
        }
        Err(other) => panic!("{other}"),
    }
});

//! `cloze users`: who may sign in to `cloze label`.

use cloze_label::Users;
use serde_json::{Value, json};

use crate::args::AddUsers;
use crate::failure::Result;
use crate::layout::{Align, Table};
use crate::printer::Printer;

/// Adds people, and shows their passwords this once.
pub(crate) fn run(args: &AddUsers, printer: &Printer) -> Result {
    let added = Users::add(&args.file, &args.names)?;
    let mut table = Table::new([Align::Left, Align::Left]);
    table.row(["name", "password"]);
    for (name, password) in &added {
        table.row([name.clone(), password.clone()]);
    }
    let users: Vec<Value> =
        added.iter().map(|(name, password)| json!({"name": name, "password": password})).collect();
    printer.json(&json!({"file": args.file, "users": users}))?;
    printer.show(format_args!("{table}\n"))?;
    printer.note("a password is shown this once: the file has only its hash");
    Ok(())
}

//! The option tables in the reference page; a test keeps them in line with the code.

use std::path::Path;

use super::choice::Choice;
use super::table::{OptionSpec, SHORTHANDS};
use crate::task::Preset;

const PAGE: &str = "../../docs/reference/task-file.md";

/// The markers around a block of the page that the test generates.
const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end of generated -->";

/// The rows of a section's options.
fn options(section: &str) -> String {
    let mut table = "| key | meaning | values | default |\n| --- | --- | --- | --- |\n".to_owned();
    let defaults = Preset::default().options();
    for key in OptionSpec::keys(section) {
        let shorthand = SHORTHANDS.iter().find(|shorthand| section == "train" && shorthand.key == key);
        let [meaning, values, default] = match shorthand {
            Some(shorthand) => shorthand.row.map(str::to_owned),
            None => {
                let option = OptionSpec::of_section(section).find(|option| option.key == key).unwrap();
                let meaning = [option.meaning(), option.more()].join(" ").trim().to_owned();
                [meaning, option.values(), format!("`{}`", option.get(&defaults))]
            }
        };
        table += &format!("| `{key}` | {meaning} | {values} | {default} |\n");
    }
    table
}

/// The table of options that differ between presets.
fn presets() -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let with_title = |title: &str, cell: &dyn Fn(&str, Preset) -> String| {
        let cells = Preset::ALL.iter().map(|(name, preset)| cell(name, *preset));
        row([title.to_owned()].into_iter().chain(cells).collect())
    };
    let mut table = with_title("option", &|name, _| format!("`{name}`"));
    table += &row(vec!["---".to_owned(); 1 + Preset::ALL.len()]);
    table += &with_title("made for", &|_, preset| preset.purpose().to_owned());
    for option in OptionSpec::all() {
        let value = |preset: Preset| option.get(&preset.options());
        let usual = value(Preset::default());
        if Preset::ALL.iter().any(|(_, preset)| value(*preset) != usual) {
            table +=
                &with_title(&format!("`{}`", option.name()), &|_, preset| format!("`{}`", value(preset)));
        }
    }
    table
}

/// The page with its blocks regenerated.
fn rewritten(page: &str) -> String {
    let mut blocks = page.split(BEGIN);
    let mut text = blocks.next().unwrap_or_default().to_owned();
    for block in blocks {
        let (what, _) = block.split_once(" -->\n").unwrap();
        let (_, rest) = block.split_once(END).unwrap();
        let table = if what == "presets" { presets() } else { options(what) };
        text += &format!("{BEGIN}{what} -->\n{table}{END}{rest}");
    }
    text
}

#[test]
fn the_reference_has_the_options_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    for section in OptionSpec::SECTIONS {
        assert!(page.contains(&format!("{BEGIN}{section} -->")), "{section}");
    }
    let rewritten = rewritten(&page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, rewritten).unwrap();
    } else {
        assert!(
            page == rewritten,
            "run `UPDATE_DOCS=1 cargo test -p cloze --lib reference` and commit the page"
        );
    }
}

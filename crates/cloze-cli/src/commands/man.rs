//! `cloze man`: the manual page of the command or of one of its verbs.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use cloze::Error;

use crate::args::{Arguments, Man};
use crate::failure::Result;

/// Writes the page to standard output.
pub(crate) fn run(args: &Man) -> Result {
    io::stdout().write_all(&page(&args.command)?)?;
    Ok(())
}

/// The page of the command that these words name, in roff.
fn page(words: &[String]) -> Result<Vec<u8>> {
    // No page is about `help`, whose own help says nothing that others do not.
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut named = &command;
    for word in words {
        named = named.find_subcommand(word).ok_or_else(|| unknown(named, word))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(named.clone())
        // One without any character would be left out, and what follows be taken for it.
        .date(" ")
        .source(concat!("cloze ", env!("CARGO_PKG_VERSION")))
        .manual("cloze manual")
        .render(&mut page)?;
    Ok(page)
}

fn unknown(command: &Command, word: &str) -> Error {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let known: Vec<String> =
        command.get_subcommands().map(|known| format!("`{}`", known.get_name())).collect();
    let remedy = if known.is_empty() {
        format!("leave out `{word}`")
    } else {
        format!("name one of {}", known.join(", "))
    };
    Error::usage(format!("there is no command `{name} {word}` to write about"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        page(&words).map(|page| String::from_utf8(page).unwrap())
    }

    fn failure(words: &[&str]) -> String {
        format!("{:?}", of(words).unwrap_err())
    }

    #[test]
    fn every_command_has_a_page_with_its_options_and_examples() {
        let page = of(&["predict"]).unwrap();
        assert!(page.contains(".TH cloze-predict 1"), "{page}");
        assert!(page.contains(concat!("cloze ", env!("CARGO_PKG_VERSION"))), "{page}");
        assert!(page.contains("cloze\\-predict \\-") && page.contains("Examples:"), "{page}");
        assert!(of(&["runs", "prune"]).unwrap().contains("\\-\\-keep"));
        let all = of(&[]).unwrap();
        assert!(all.contains("cloze\\-train(1)") && !all.contains("cloze\\-help(1)"), "{all}");
    }

    #[test]
    fn an_unknown_command_is_refused_and_the_remedy_leads_to_a_page() {
        let message = failure(&["predicts"]);
        assert!(
            message.contains("no command `cloze predicts`") && message.contains("`predict`, "),
            "{message}"
        );
        assert!(of(&["predict"]).is_ok());
        let message = failure(&["predict", "all"]);
        assert!(message.contains("leave out `all`"), "{message}");
    }
}

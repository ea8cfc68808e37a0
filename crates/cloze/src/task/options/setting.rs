//! An option value that overrides the task file: `steps=100`, `distil.steps=200`.

use std::str::FromStr;

use toml::de::DeTable;

use super::read::Wrong;
use super::table::OptionSpec;
use super::value::{Kind, Value};
use crate::error::{list, nearest};
use crate::task::{Method, Task};
use crate::{Error, Result};

/// An option with a value that overrides the task file's.
#[derive(Debug, Clone)]
pub struct Setting {
    pub(crate) option: &'static OptionSpec,
    pub(crate) value: Value,
}

/// Parses `KEY=VALUE` with a key of `[train]`, or a key of another section prefixed with the section's name,
/// and a value as in a task file. Quotes around a word and brackets around a list may be omitted.
impl FromStr for Setting {
    type Err = Error;

    fn from_str(text: &str) -> Result<Setting> {
        let error = |problem: String, remedy: String| Error::usage(problem, remedy);
        let Some((name, value)) = text.split_once('=') else {
            return Err(error(
                "there is no `=` between an option and its value".into(),
                "write for example `steps=100`".into(),
            ));
        };
        let (name, value) = (name.trim(), value.trim());
        let option = OptionSpec::find(name).ok_or_else(|| {
            let names = || OptionSpec::all().map(OptionSpec::name);
            // An option of another section, named without the section.
            let same = OptionSpec::all().find(|option| option.key == name).map(OptionSpec::name);
            let remedy = match same.or_else(|| nearest(name, names())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the options are {}", list(names())),
            };
            error(format!("there is no option `{name}`"), remedy)
        })?;
        let value = parse(option, value).map_err(|wrong| error(wrong.problem, wrong.remedy))?;
        match option.refuse(&value) {
            Some(found) => Err(error(found.problem, found.remedy)),
            None => Ok(Setting { option, value }),
        }
    }
}

fn parse(option: &OptionSpec, text: &str) -> std::result::Result<Value, Wrong> {
    if let Kind::Word(words) = option.kind {
        let quoted = |quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        return option.word(quoted('"').or_else(|| quoted('\'')).unwrap_or(text), words());
    }
    let text = match option.kind {
        Kind::Seeds if !text.starts_with('[') => format!("[{text}]"),
        _ => text.to_owned(),
    };
    let read = |toml: &str| {
        let table = DeTable::parse(toml).ok()?;
        let table = table.get_ref();
        let value = table.get("value").filter(|_| table.len() == 1)?;
        Some(option.read(value))
    };
    // A value that is not valid TOML is text without its quotes.
    let as_text = || read(&format!("value = {}", serde_json::Value::from(text.as_str())));
    let found = read(&format!("value = {text}")).or_else(as_text);
    found.unwrap_or_else(|| Err(Vec::new())).map_err(|wrong| {
        let mut wrong = wrong.into_iter();
        wrong.next().unwrap_or_else(|| Wrong {
            span: 0..0,
            problem: format!("`{text}` is not a value of `{}`", option.key),
            remedy: format!("`{}` must be {}", option.key, option.values()),
        })
    })
}

impl Task {
    /// Sets options to other values than those in the task file.
    ///
    /// # Errors
    /// When an option is set twice, is out of range, or does not fit the task.
    pub fn set(&mut self, settings: &[Setting]) -> Result<()> {
        for (number, Setting { option, value }) in settings.iter().enumerate() {
            if settings[..number].iter().any(|other| other.option.full_key == option.full_key) {
                let name = option.name();
                return Err(Error::usage(format!("`{name}` is set twice"), format!("set `{name}` once")));
            }
            option.set(&mut self.options, value);
            if option.get(&self.options) != *value {
                let (key, values) = (option.key, option.values());
                return Err(Error::usage(
                    format!("`{key} = {value}` is out of range"),
                    format!("`{key}` must be {values}"),
                ));
            }
        }
        if self.answers.choices().is_some() && (self.options.compare || self.options.method != Method::Pet) {
            return Err(Error::usage(
                "rows with `[choices]` of their own can have no classifier",
                "leave `method` and `compare` as they are",
            ));
        }
        self.check_options()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::{EXAMPLE, parse};
    use crate::task::{Options, Preset};

    fn refused(text: &str) -> (String, String) {
        let error = text.parse::<Setting>().unwrap_err();
        (error.to_string(), error.remedy().unwrap())
    }

    #[test]
    fn settings_take_the_place_of_what_the_file_says() {
        let settings = [
            "steps=1_00",
            "distil.steps = 200",
            "method=ipet",
            "keep='final'",
            "seeds=3,1",
            "calibrate=false",
            "train.warmup=0",
            "ipet.scale=2.5",
        ];
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        let mut task = parse(EXAMPLE);
        task.set(&settings).unwrap();
        let lines =
            "method = 'ipet'\nseeds = [3, 1]\nsteps = 100\nwarmup = 0\ncalibrate = false\nkeep = 'final'";
        let written = format!("{EXAMPLE}[train]\n{lines}\n[ipet]\nscale = 2.5\n[distil]\nsteps = 200\n");
        assert_eq!(task.options, parse(&written).options);
        let twice = task.set(&[settings[0].clone(), settings[0].clone()]).unwrap_err();
        assert_eq!(twice.to_string(), "`steps` is set twice");
        let wrong = Setting { option: OptionSpec::find("steps").unwrap(), value: Value::Switch(true) };
        assert_eq!(task.set(&[wrong]).unwrap_err().to_string(), "`steps = true` is out of range");
    }

    #[test]
    fn every_option_can_be_set_to_every_presets_value() {
        for preset in [Preset::Laptop, Preset::Paper, Preset::Quick, Preset::Thorough] {
            let options = preset.options();
            let mut task = parse(EXAMPLE);
            task.options = Options { seeds: vec![9], ..Options::default() };
            let texts = OptionSpec::all().map(|option| format!("{}={}", option.name(), option.get(&options)));
            task.set(&texts.map(|text| text.parse().unwrap()).collect::<Vec<_>>()).unwrap();
            assert_eq!(task.options, options);
        }
    }

    #[test]
    fn what_is_no_setting_is_answered_as_in_a_task_file() {
        for (text, problem, remedy) in [
            ("steps", "there is no `=` between an option and its value", "write for example `steps=100`"),
            ("stpes=3", "there is no option `stpes`", "did you mean `steps`?"),
            ("generations=3", "there is no option `generations`", "did you mean `ipet.generations`?"),
            ("distil.step=3", "there is no option `distil.step`", "did you mean `distil.steps`?"),
            ("steps=many", "`steps` is a string", "`steps` must be a whole number of at least 0"),
            ("steps=3\nsteps = 4", "`steps` is a string", "`steps` must be a whole number of at least 0"),
            ("steps=0", "`steps = 0` is out of range", "`steps` must be from 1 to 1000000"),
            ("warmup=yes", "`warmup` is a string", "`warmup` must be a number"),
            ("compare=1", "`compare` is an integer", "`compare` must be true or false"),
            ("keep=last", "`last` is not a value of `keep`", "the values are `all`, `final`, `none`"),
            ("seeds=1,x", "`seeds` is a string", "`seeds` must be a list of whole numbers"),
            (
                "seeds=[1, 1]",
                "the seed 1 is in `seeds` twice",
                "list every seed once; a different seed trains a different model",
            ),
            ("seeds=", "`seeds` is an empty list", "list at least one seed"),
        ] {
            assert_eq!(refused(text), (problem.to_owned(), remedy.to_owned()), "{text}");
        }
        assert!(refused("zebra=1").1.starts_with("the options are `method`, `seeds`, `steps`"));
    }
}

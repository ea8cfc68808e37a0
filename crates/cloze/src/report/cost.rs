//! What a run has cost, in words: for the page, and for the model card with what the hub reads of it.

use super::front_matter::quoted;
use super::making::Fact;
use crate::results::energy::Energy;

/// What a run has cost, and the emissions that this stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent<'r> {
    pub(crate) energy: &'r Energy,
    /// The carbon intensity of the electricity, if it is known: grams of CO2 equivalent per kWh.
    pub(crate) intensity: Option<f64>,
}

impl Spent<'_> {
    /// The emissions in grams of CO2 equivalent, if energy and intensity are known.
    pub(super) fn grams(&self) -> Option<f64> {
        Some(self.energy.kilowatt_hours()? * self.intensity?)
    }

    /// The same in a sentence's words.
    fn emissions(&self) -> Option<String> {
        let (grams, intensity) = (self.grams()?, self.intensity?);
        Some(format!("{} g CO2 equivalent, at {intensity} g per kWh", significant(grams)))
    }

    /// `12.3 kJ (3.42 Wh) by the whole machine`, if it is known.
    fn energy(&self) -> Option<String> {
        let (joules, kilowatt_hours) = (self.energy.total.joules?, self.energy.kilowatt_hours()?);
        let (figure, unit) = match joules {
            0.0..1e3 => (joules, "J"),
            1e3..1e6 => (joules / 1e3, "kJ"),
            _ => (joules / 1e6, "MJ"),
        };
        let watt_hours = significant(kilowatt_hours * 1e3);
        Some(format!("{} {unit} ({watt_hours} Wh) by the whole machine", significant(figure)))
    }

    /// What the page says.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let total = &self.energy.total;
        let facts = [
            ("energy", Some(self.energy().unwrap_or_else(|| "not measured".to_owned()))),
            ("emissions", self.emissions()),
            ("processor time", total.cpu_seconds.map(seconds)),
            ("time", Some(seconds(total.wall_seconds))),
            ("machine", Some(self.energy.machine.to_string())),
        ];
        let facts = facts.into_iter().filter_map(|(what, is)| Some(Fact { what: what.to_owned(), is: is? }));
        facts.collect()
    }

    /// What the card says, without a full stop.
    pub(super) fn sentence(&self) -> String {
        let total = &self.energy.total;
        let cpu = total.cpu_seconds.map(|cpu| format!("{} of processor time", seconds(cpu)));
        let parts = [self.energy(), self.emissions(), cpu, Some(seconds(total.wall_seconds))];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}; {}", parts.join("; "), self.energy.machine)
    }

    /// The lines of YAML that the hub reads, if the emissions are known.
    pub(super) fn front_matter(&self) -> String {
        let (Some(grams), Some(intensity)) = (self.grams(), self.intensity) else { return String::new() };
        let Energy { version, machine, .. } = self.energy;
        let source = format!(
            "cloze {version}: energy of the whole machine by RAPL, at {intensity} g CO2 equivalent per kWh"
        );
        format!(
            "co2_eq_emissions:\n  emissions: {grams}\n  source: {}\n  training_type: fine-tuning\n  hardware_used: {}\n",
            quoted(&source),
            quoted(&machine.to_string())
        )
    }
}

fn seconds(figure: f64) -> String {
    format!("{} s", significant(figure))
}

/// A number with three significant digits, or all before the point.
fn significant(number: f64) -> String {
    let before = number.abs().max(1e-9).log10().floor() as i32;
    let digits = usize::try_from(2 - before).unwrap_or(0);
    format!("{number:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_digits_that_count() {
        let shown = [0.001234, 0.1, 1.0, 12.34, 123.4, 1234.0].map(significant);
        assert_eq!(shown, ["0.00123", "0.100", "1.00", "12.3", "123", "1234"]);
    }
}

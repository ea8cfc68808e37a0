//! What a run has cost as CodeCarbon writes it: a table with the columns of its `emissions.csv`, for those who
//! collect the emissions of all their work in one.

use chrono::DateTime;

use super::cost::Spent;
use crate::results::Results;
use crate::results::energy::Energy;

/// The table of a run: a line with the columns of CodeCarbon 3.3.2, and one with the values. What is not
/// measured or not known is empty. `None` if the energy is not known.
pub(crate) fn emissions(results: &Results, spent: Spent) -> Option<String> {
    let columns = columns(results, spent)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    // Rows of one length, written to memory, cannot fail.
    table.write_record(columns.iter().map(|(name, _)| name)).ok()?;
    table.write_record(columns.iter().map(|(_, value)| value)).ok()?;
    String::from_utf8(table.into_inner().ok()?).ok()
}

fn columns(results: &Results, spent: Spent) -> Option<Vec<(&'static str, String)>> {
    let Energy { version, ended, total, machine, .. } = spent.energy;
    let energy = spent.energy.kilowatt_hours()?;
    let seconds = total.wall_seconds;
    let watts = total.joules.filter(|_| seconds > 0.0).map(|joules| joules / seconds);
    let kilograms = spent.grams().map(|grams| grams / 1e3);
    let rate = kilograms.filter(|_| seconds > 0.0).map(|kilograms| kilograms / seconds);
    let ended = DateTime::from_timestamp(*ended as i64, 0);
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let empty = String::new;
    Some(vec![
        ("timestamp", ended.map_or(empty(), |ended| ended.format("%Y-%m-%dT%H:%M:%S").to_string())),
        ("project_name", results.name.clone()),
        ("run_id", results.id.clone()),
        ("experiment_id", empty()),
        ("duration", seconds.to_string()),
        ("emissions", number(kilograms)),
        ("emissions_rate", number(rate)),
        ("cpu_power", number(watts)),
        // No part of the work is done by a graphics card.
        ("gpu_power", "0".into()),
        ("ram_power", empty()),
        ("cpu_energy", energy.to_string()),
        ("gpu_energy", "0".into()),
        // As far as memory is measured, it is part of the above.
        ("ram_energy", empty()),
        ("energy_consumed", energy.to_string()),
        ("water_consumed", empty()),
        ("country_name", empty()),
        ("country_iso_code", empty()),
        ("region", empty()),
        ("cloud_provider", empty()),
        ("cloud_region", empty()),
        ("os", std::env::consts::OS.into()),
        ("python_version", empty()),
        // Whose numbers these are.
        ("codecarbon_version", format!("cloze {version}")),
        ("cpu_count", machine.cores.to_string()),
        ("cpu_model", machine.cpu.clone().unwrap_or_default()),
        ("gpu_count", empty()),
        ("gpu_model", empty()),
        ("longitude", empty()),
        ("latitude", empty()),
        ("ram_total_size", empty()),
        ("tracking_mode", "machine".into()),
        ("cpu_utilization_percent", empty()),
        ("gpu_utilization_percent", empty()),
        ("ram_utilization_percent", empty()),
        ("ram_used_gb", empty()),
        ("on_cloud", empty()),
        // Factors that the numbers above were multiplied with.
        ("pue", "1".into()),
        ("wue", "0".into()),
    ])
}

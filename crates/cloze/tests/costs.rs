//! What a run has cost is written down, and told apart from its results.

mod common;

use std::fs;
use std::path::Path;

use cloze::{Error, Event, Run};
use common::{Folder, TASK};
use serde_json::Value;

/// What a run has cost, without the checksum: a file that has none is taken as it is.
fn read(run: &Path) -> Value {
    let mut energy: Value = serde_json::from_slice(&fs::read(run.join("energy.json")).unwrap()).unwrap();
    assert!(energy.as_object_mut().unwrap().remove("checksum").is_some());
    energy
}

fn seconds(cost: &Value) -> f64 {
    cost["wall_seconds"].as_f64().unwrap()
}

/// The run as if its energy had been measured.
fn measured(run: &Run) -> Run {
    let mut energy = read(&run.path);
    energy["method"] = "rapl".into();
    energy["scope"] = "machine".into();
    energy["joules"] = 7200.0.into();
    energy["wall_seconds"] = 100.0.into();
    energy["ended"] = 1_767_323_045.0.into();
    energy["machine"] = serde_json::json!({"cpu": "A \"fast\" CPU, it's", "cores": 4});
    fs::write(run.path.join("energy.json"), energy.to_string()).unwrap();
    Run::open(&run.path).unwrap()
}

#[test]
fn every_job_and_the_rest_add_up_to_the_run() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap();
    let energy = read(&run.path);
    let jobs = energy["jobs"].as_array().unwrap();
    let names: Vec<&str> = jobs.iter().map(|job| job["job"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["zero-shot/p0", "zero-shot/p1", "g0/p0-s0", "g0/p1-s0", "g0/ensemble", "supervised", "final"]
    );
    for unit in ["wall_seconds", "cpu_seconds"] {
        let parts: f64 = jobs.iter().chain([&energy["rest"]]).map(|part| part[unit].as_f64().unwrap()).sum();
        let total = energy[unit].as_f64().unwrap();
        assert!(total > 0.01 && (total - parts).abs() < 0.01, "{energy}");
    }
    // Where this test runs, the counters may be readable or not.
    let method = if energy["joules"].is_number() { "rapl" } else { "none" };
    assert_eq!((&energy["method"], energy["scope"].is_string()), (&method.into(), method == "rapl"));
    assert!(energy["machine"]["cores"].as_u64() > Some(0) && energy["format"] == 1);
    assert_eq!(run.cost().unwrap().unwrap().wall_seconds, seconds(&energy));
    assert!(!fs::read_to_string(run.path.join("results.json")).unwrap().contains("seconds"));
}

#[test]
fn what_a_stopped_process_has_spent_is_added_to_what_comes_after() {
    let folder = Folder::new();
    let at_the_classifier = |event: &Event| matches!(event, Event::JobStarted { job, .. } if job == "final");
    assert!(matches!(folder.train_until(TASK, at_the_classifier), Err(Error::Stopped)));
    let path = fs::read_dir(folder.runs()).unwrap().next().unwrap().unwrap().path();
    let stopped = read(&path);
    assert_eq!(stopped["jobs"].as_array().unwrap().len(), 6);
    // As if that had taken an hour.
    let mut changed = stopped.clone();
    changed["rest"]["wall_seconds"] = 3600.0.into();
    fs::write(path.join("energy.json"), changed.to_string()).unwrap();
    let run = folder.train(TASK).unwrap();
    let finished = read(&run.path);
    assert_eq!(finished["jobs"].as_array().unwrap()[..6], stopped["jobs"].as_array().unwrap()[..]);
    assert!(
        seconds(&finished["rest"]) > 3600.0 && seconds(&finished) > 3600.0 + seconds(&stopped["jobs"][2])
    );
}

#[test]
fn a_reused_job_counts_where_it_is_reused() {
    let folder = Folder::new();
    let first = read(&folder.train(TASK).unwrap().path);
    let second = folder.train(&TASK.replace("steps = 5", "steps = 6")).unwrap();
    let again = read(&second.path);
    assert_eq!(again["jobs"][2], first["jobs"][2], "a member is reused with its id and its cost");
    assert_ne!(again["jobs"][6]["id"], first["jobs"][6]["id"]);
    // Jobs of earlier versions have kept only how long they took.
    fs::remove_file(second.path.join("g0/p0-s0/cost.json")).unwrap();
    let record = second.path.join("g0/p0-s0/job.json");
    let mut job: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    job["files"].as_object_mut().unwrap().remove("cost.json");
    fs::write(&record, job.to_string()).unwrap();
    let old = read(&folder.train(&TASK.replace("steps = 5", "steps = 6")).unwrap().path);
    assert_eq!((&old["jobs"][2]["cpu_seconds"], &old["cpu_seconds"]), (&Value::Null, &Value::Null));
    assert_eq!(old["jobs"][2]["wall_seconds"], job["seconds"]);
}

#[test]
fn page_card_and_table_tell_what_was_measured() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap();
    let card = fs::read_to_string(run.path.join("final/README.md")).unwrap();
    let run = measured(&run);
    let page = run.report().unwrap();
    assert!(page.contains("7.20 kJ (2.00 Wh) by the whole machine") && !page.contains("CO2"), "{page}");
    let told = run.model_card().unwrap();
    assert!(told.contains("\n- cost: 7.20 kJ (2.00 Wh) by the whole machine; ") && !told.contains("co2"));
    let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with("- cost: ")).collect();
    assert_eq!(lines, card.lines().collect::<Vec<_>>(), "otherwise it is the card of the classifier");

    let run = run.with_carbon_intensity(250.0).unwrap();
    assert!(run.report().unwrap().contains("0.500 g CO2 equivalent, at 250 g per kWh"));
    assert!(run.report_without_texts().unwrap().contains("0.500 g CO2 equivalent"));
    let card = run.model_card().unwrap();
    let front = card.split("---\n").nth(1).unwrap();
    let emissions = "\nco2_eq_emissions:\n  emissions: 0.5\n  source: \"cloze ";
    assert!(front.contains(emissions), "{front}");
    assert!(
        front.contains(
            "  training_type: fine-tuning\n  hardware_used: \"A \\\"fast\\\" CPU, it's, 4 cores\"\n"
        )
    );

    let table = run.emissions().unwrap();
    let lines: Vec<Vec<String>> = table
        .lines()
        .map(|line| {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect()
        })
        .collect();
    assert_eq!((lines.len(), lines[0].len(), lines[1].len()), (2, 38, 38));
    let value = |column: &str| lines[1][lines[0].iter().position(|name| name == column).unwrap()].as_str();
    for (column, expected) in [
        ("timestamp", "2026-01-02T03:04:05"),
        ("project_name", "moods"),
        ("duration", "100"),
        ("emissions", "0.0005"),
        ("emissions_rate", "0.000005"),
        ("cpu_power", "72"),
        ("cpu_energy", "0.002"),
        ("energy_consumed", "0.002"),
        ("ram_energy", ""),
        ("country_name", ""),
        ("cpu_count", "4"),
        ("cpu_model", "A \"fast\" CPU, it's"),
        ("tracking_mode", "machine"),
    ] {
        assert_eq!(value(column), expected, "{column}");
    }
}

#[test]
fn emissions_of_what_was_not_measured_are_refused() {
    let folder = Folder::new();
    let run = folder.train(TASK).unwrap();
    let mut energy = read(&run.path);
    energy["joules"] = Value::Null;
    fs::write(run.path.join("energy.json"), energy.to_string()).unwrap();
    assert!(run.report().unwrap().contains("<dt>energy</dt><dd><bdi>not measured</bdi></dd>"));
    for refused in [run.emissions().unwrap_err(), run.clone().with_carbon_intensity(380.0).unwrap_err()] {
        assert!(refused.to_string().contains("was not measured, so its emissions are unknown"), "{refused}");
    }
    for number in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = run.clone().with_carbon_intensity(number).unwrap_err().to_string();
        assert!(refused.starts_with("a carbon intensity is a number from 0 on, not "), "{refused}");
    }
    // Runs of earlier versions say nothing of it.
    fs::remove_file(run.path.join("energy.json")).unwrap();
    assert_eq!(run.report().unwrap(), fs::read_to_string(run.path.join("report.html")).unwrap());
    assert!(run.cost().unwrap().is_none() && run.emissions().is_err() && run.model_card().is_ok());
    fs::write(run.path.join("energy.json"), "{").unwrap();
    let damaged = run.report().unwrap_err().to_string();
    assert!(damaged.contains("energy.json`: it cannot be read"), "{damaged}");
}

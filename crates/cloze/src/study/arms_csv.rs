//! The arms of a factor as a table.

use std::collections::BTreeMap;

use super::findings::Finding;

/// Every arm of a factor as a line of CSV; `run_seconds` has the duration of every run.
pub(super) fn csv(finding: &Finding, run_seconds: &BTreeMap<String, f64>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = "setting,seed,accuracy,accuracy_low,accuracy_high,macro_f1,macro_f1_low,macro_f1_high,seconds,run_seconds,run,job";
    // Writing plain data to memory cannot fail.
    let _ = writer.write_record(header.split(','));
    for setting in &finding.settings {
        for arm in &setting.arms {
            let numbers = [arm.accuracy, arm.macro_f1]
                .into_iter()
                .flat_map(|figure| [figure.value, figure.low, figure.high])
                .chain([arm.seconds])
                .chain(run_seconds.get(&arm.run).copied())
                .map(|number| format!("{number:.6}"));
            let line = [setting.setting.clone(), arm.seed.to_string()].into_iter().chain(numbers);
            let _ = writer.write_record(line.chain([arm.run.clone(), arm.job.clone()]));
        }
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

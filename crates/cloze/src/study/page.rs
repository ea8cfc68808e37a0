//! A study as one page (`report.html`), which carries its style and drawings with it, loads nothing and runs no script.

use std::fmt::Write as _;

use super::findings::{Finding, Findings};
use super::plot;
use crate::metrics::Measured;
use crate::report::{Column, Mark, escape, legend, opening, pattern, percent, table, user};

/// The page.
pub(super) fn html(findings: &Findings) -> String {
    let name = escape(&findings.name);
    let rows = |part: &str| findings.data.get(part).map_or(0, |source| source.rows);
    let seeds: Vec<String> = findings.seeds.iter().map(u64::to_string).collect();
    let what = "which factors matter";
    let mut page = opening(&format!("{name}: {what}"), &format!("{}: {what}", user(&findings.name)));
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        page,
        "<p class=\"sub\">{} labelled, {} unlabelled and {} test rows; model <code>{}</code>; seeds {}</p>",
        rows("train"),
        rows("unlabeled"),
        rows("test"),
        escape(findings.models.first().map_or("", |model| &model.name)),
        seeds.join(", ")
    );
    for note in &findings.notes {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escape(note));
    }
    for finding in &findings.factors {
        factor(&mut page, finding, findings);
    }
    page.push_str(&legend(&[
        (Mark::Point(0.5), "accuracy with each seed".to_owned()),
        (Mark::Mean(0.5), "their mean".to_owned()),
        (
            Mark::Band(0.0, 1.0),
            "its 95 % interval, which holds the luck of the seeds and of the test rows".to_owned(),
        ),
    ]));
    page.push_str("<h2>How it was made</h2>\n");
    let _ = writeln!(
        page,
        "<p>cloze {}, study {}: <code>{}</code></p>",
        escape(&findings.version),
        escape(&findings.id),
        escape(&findings.command)
    );
    let rows = findings
        .runs
        .iter()
        .map(|run| vec![format!("<code>{}</code>", escape(&run.run)), user(&run.title), user(&run.model)]);
    table(&mut page, &[Column::Text("run"), Column::Text("what"), Column::Text("model")], rows);
    page.push_str("<h2>What helped</h2>\n<ul>\n");
    for sentence in &findings.conclusions {
        let _ = writeln!(page, "<li>{}</li>", escape(sentence));
    }
    page.push_str(
        "</ul>\n<p class=\"sub\">A difference whose interval includes 0 cannot be told apart from none. Of twenty comparisons without \
         any difference one will look like one.</p>\n</body></html>\n",
    );
    page
}

fn factor(page: &mut String, finding: &Finding, findings: &Findings) {
    let _ = writeln!(
        page,
        "<h2>{}</h2>\n<p>{}</p>\n{}",
        finding.factor.name(),
        finding.question,
        plot::chart(finding)
    );
    if finding.factor == super::Factor::Patterns {
        for (number, text) in findings.patterns.iter().enumerate() {
            let _ = writeln!(page, "<p class=\"sub\">pattern {number}: {}</p>", pattern(text));
        }
    }
    let columns = [
        Column::Text("setting"),
        Column::Number("accuracy"),
        Column::Number("95 % interval"),
        Column::Number("macro F1"),
        Column::Text("accuracy by seed"),
    ];
    let rows = finding.settings.iter().map(|setting| {
        let Measured { value, low, high } = setting.accuracy;
        let seeds = setting.arms.iter().map(|arm| percent(arm.accuracy.value));
        let seeds: Vec<String> = seeds.map(|seed| format!("<span class=\"whole\">{seed}</span>")).collect();
        vec![
            user(&setting.setting),
            percent(value),
            format!("{:.1} to {:.1}", low * 100.0, high * 100.0),
            percent(setting.macro_f1),
            seeds.join(", "),
        ]
    });
    table(page, &columns, rows);
    if let Some(overview) = &finding.overview {
        let _ = writeln!(page, "<p>{}</p>", escape(overview));
    }
}

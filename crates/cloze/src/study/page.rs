//! A study as one page (`report.html`), which carries its style and drawings with it and loads nothing.

use std::fmt::Write as _;

use super::findings::{Finding, Findings};
use super::plot;
use crate::report::{escape, opening, percent};

/// The page.
pub(super) fn html(findings: &Findings) -> String {
    let name = escape(&findings.name);
    let rows = |part: &str| findings.data.get(part).map_or(0, |source| source.rows);
    let seeds: Vec<String> = findings.seeds.iter().map(u64::to_string).collect();
    let title = format!("{name}: which factors matter");
    let mut page = opening(&title, &title);
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
    page.push_str(
        "<p class=\"sub\">Points: accuracy with each seed. Black: their mean. Blue: its 95 % interval, which holds the luck of the \
         seeds and of the test rows.</p>\n<h2>How it was made</h2>\n",
    );
    let _ = writeln!(
        page,
        "<p>cloze {}, study {}: <code>{}</code></p>",
        escape(&findings.version),
        escape(&findings.id),
        escape(&findings.command)
    );
    page.push_str("<table><tr><th>run</th><th>what</th><th>model</th></tr>\n");
    for run in &findings.runs {
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            escape(&run.run),
            escape(&run.title),
            escape(&run.model)
        );
    }
    page.push_str("</table>\n<h2>What helped</h2>\n<ul>\n");
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
        plot::svg(finding)
    );
    if finding.factor == super::Factor::Patterns {
        for (number, pattern) in findings.patterns.iter().enumerate() {
            let _ = writeln!(page, "<p class=\"sub\">pattern {number}: <code>{}</code></p>", escape(pattern));
        }
    }
    page.push_str(
        "<table><tr><th>setting</th><th class=\"n\">accuracy</th><th class=\"n\">95 % interval</th><th class=\"n\">macro F1</th>\
         <th>accuracy by seed</th></tr>\n",
    );
    for setting in &finding.settings {
        let seeds: Vec<String> = setting.arms.iter().map(|arm| percent(arm.accuracy.value)).collect();
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{:.1} to {:.1}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escape(&setting.setting),
            percent(setting.accuracy.value),
            setting.accuracy.low * 100.0,
            setting.accuracy.high * 100.0,
            percent(setting.macro_f1),
            seeds.join(", ")
        );
    }
    page.push_str("</table>\n");
    if let Some(overview) = &finding.overview {
        let _ = writeln!(page, "<p>{}</p>", escape(overview));
    }
}

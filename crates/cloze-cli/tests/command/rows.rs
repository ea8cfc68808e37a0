//! Rows in are rows out, or an error names the line; and what the error advises ends well.

use std::io::Write;

use crate::advice::{answer, trained, typed};
use crate::support::{Folder, labelled};

/// The values of the first columns of a table that was written, without its header.
fn column(text: &str, separator: char) -> Vec<String> {
    text.lines().skip(1).map(|line| line.split(separator).next().unwrap().to_owned()).collect()
}

#[test]
fn a_quote_that_begins_a_text_swallows_no_rows() {
    let (folder, run) = trained();
    for (name, rows) in [
        (
            "pq.tsv",
            "id\ttext\n1\t\"The bin is full\n2\tmy car was towed\n3\tHe said \"no\" to the form\n4\twhich form\n",
        ),
        ("two.tsv", "id\ttext\n1\t\"The bin is full\n2\tit is 5\" wide\n3\tlast\n"),
        ("inch.tsv", "id\ttext\n1\t\"The bin is full\n2\tit is 5\"\n3\tlast\n"),
        ("stray.csv", "id,text\n1,\"towed\" my car is\n2,the bin is full\n3,form\n"),
        ("inner.csv", "id,text\n1,\"the \"big\" bin\"\n2,form\n"),
        ("open.csv", "id,text\n1,the bin\n2,\"form\n3,last\n"),
    ] {
        folder.write(name, rows);
        let found = answer(&folder, &["predict", &run, name, "-o", "out.csv"]);
        assert!(found.message.contains(&format!("`{name}`, line ")), "{}", found.message);
        assert!(!folder.path("out.csv").exists());
        found.advises("`--quoting none`");
        let written = folder.succeed(&["predict", &run, name, "--quoting", "none"]);
        let separator = if name.ends_with("tsv") { '\t' } else { ',' };
        let ids: Vec<String> = (1..rows.lines().count()).map(|id| id.to_string()).collect();
        assert_eq!(column(&written, separator), ids, "{name}");
    }
}

#[test]
fn a_task_says_what_quotes_mean_in_its_own_files() {
    let folder = Folder::new();
    folder.change_task("labelled.csv", "labelled.tsv");
    let rows = labelled(8).replace(',', "\t").replace("the sun", "\"sun\" says the sun");
    folder.write("labelled.tsv", rows);
    for verb in ["check", "train"] {
        let found = answer(&folder, &[verb, "task.toml"]);
        found.says("`labelled.tsv`, line 2").advises("`quoting = \"none\"` under `[data]`");
    }
    let found = answer(&folder, &["init", "labelled.tsv", "--label", "label", "-o", "drafted.toml"]);
    found.advises("`--quoting none`");
    let args = ["init", "labelled.tsv", "--label", "label", "-o", "drafted.toml", "--quoting", "none"];
    folder.succeed(&args);
    assert!(folder.read("drafted.toml").contains("\nquoting   = \"none\"\n"));
    assert_eq!(folder.json(&["check", "drafted.toml"])["sets"][0]["rows"], 8);

    folder.change_task("[data]\n", "[data]\nquoting = \"none\"\n");
    let run = folder.train();
    folder.write("new.tsv", "text\n\"sun\" is bright\n\"The night\n");
    // Of other files it says nothing.
    answer(&folder, &["predict", &run, "new.tsv"]).says("line 2").advises("`--quoting none`");
    assert_eq!(folder.succeed(&["predict", &run, "new.tsv", "--quoting", "none"]).lines().count(), 3);
    folder.write("new.csv", "text\n\"the night, the day\"\n");
    let written = folder.succeed(&["predict", &run, "new.csv"]);
    assert!(written.contains("\"the night, the day\","), "{written}");
}

#[test]
fn quotes_behind_backslashes_are_read_as_advised() {
    let (folder, run) = trained();
    folder.write("spark.csv", "text,id\n\"\\\"The sun\\\" is bright, again\",1\n\"he said \\\"no\\\"\",2\n");
    answer(&folder, &["predict", &run, "spark.csv"]).advises("`--quoting backslash`");
    let written = folder.succeed(&["predict", &run, "spark.csv", "--quoting", "backslash", "--to", "jsonl"]);
    let first: serde_json::Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
    assert_eq!(first["text"], "\"The sun\" is bright, again");
    let same = folder.succeed(&["predict", &run, "spark.csv", "--quoting", "backslash"]);
    assert!(
        same.starts_with("text,id,prediction,p_good,p_bad\n\"\\\"The sun\\\" is bright, again\",1,"),
        "{same}"
    );
}

#[test]
fn encodings_are_read_or_named() {
    let (folder, run) = trained();
    let text = "text,id\nthe sun in Köln,1\nthe night in Łódź,2\n";
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    folder.write("a.csv.gz", gzip.finish().unwrap());
    folder.write("hidden.csv", folder.bytes("a.csv.gz"));
    folder.write("b.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap());
    folder.write("c.csv", utf16(&format!("\u{feff}{text}")));
    folder.write("d.csv", utf16(text));
    folder.write("e.csv", format!("\u{feff}sep=;\r\n{}", text.replace(',', ";").replace('\n', "\r\n")));
    for name in ["a.csv.gz", "hidden.csv", "b.csv.zst", "c.csv", "d.csv", "e.csv"] {
        let written = folder.succeed(&["predict", &run, name, "--to", "jsonl"]);
        let texts: Vec<String> = written
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(texts, ["the sun in Köln", "the night in Łódź"], "{name}");
    }
    // The mark and the line ends of a spreadsheet stay.
    let out = folder.succeed(&["predict", &run, "e.csv"]);
    assert!(out.starts_with("\u{feff}text;id;prediction;") && out.matches("\r\n").count() == 3, "{out:?}");

    // 工单 in GB18030, and ü in Windows-1252: what is advised reads them.
    folder.write("gb.csv", b"text,id\n\xb9\xa4\xb5\xa5\xd2\xd1\xbe\xad\xb4\xa6\xc0\xed\xcd\xea\xb1\xcf,1\n");
    folder.write("win.csv", b"text,id\nM\xfcll in der Br\xfccke,1\n");
    for (name, want) in [("gb.csv", "工单已经处理完毕"), ("win.csv", "Müll in der Brücke")] {
        let found = answer(&folder, &["predict", &run, name]);
        found.says(&format!("`{name}`, line 2: the text is not UTF-8"));
        let encoding = found.remedy.split("`--encoding ").nth(1).unwrap().split('`').next().unwrap();
        let written = folder.succeed(&["predict", &run, name, "--encoding", encoding]);
        assert!(written.contains(want), "{encoding}: {written}");
        let task = folder.read("task.toml").replace("\"unlabeled.csv\"", &format!("\"{name}\""));
        folder.write("data.toml", &task);
        let found = answer(&folder, &["check", "data.toml"]);
        let head = found.remedy.split('`').nth(1).unwrap();
        folder.write("data.toml", task.replace("[data]", &format!("[data]\n{head}")));
        assert_eq!(folder.json(&["check", "data.toml"])["sets"][1]["rows"], 1, "{head}");
    }
    let wrong = answer(&folder, &["predict", &run, "gb.csv", "--encoding", "shift_jis"]);
    wrong.says("`gb.csv`, line 2: the text is not shift_jis").advises("leave the encoding out");
}

#[test]
fn an_encoding_is_that_of_the_file_it_was_said_of() {
    let folder = Folder::new();
    folder.write("labelled.csv", b"text,label\nM\xfcll ist voll,good\nLicht an,bad\n");
    folder.change_task("[data]\n", "[data]\nencoding = \"windows-1252\"\n");
    let run = folder.train();
    // What the run has learned from says nothing of other files, and a file that is UTF-8 is nothing else.
    folder.write("utf8.csv", "text\nMüll ist voll\n");
    assert!(folder.succeed(&["predict", &run, "utf8.csv"]).contains("Müll ist voll"));
    answer(&folder, &["predict", &run, "utf8.csv", "--encoding", "windows-1252"])
        .says("the text is UTF-8, and not windows-1252");
    folder.write("utf8.csv", "text,label\nMüll ist voll,good\n");
    assert_eq!(folder.json(&["eval", &run, "utf8.csv"])["learned_from"], 1);
    folder.write("latin.csv", b"text\nM\xfcll ist voll\n");
    answer(&folder, &["predict", &run, "latin.csv"]).advises("`--encoding windows-1252`");
}

#[test]
fn a_file_that_could_be_read_in_two_ways_is_refused() {
    let (folder, run) = trained();
    folder.write("many.csv", "id,text\n1,\"bin\n2,car\n3,form\"\n4,last\n");
    answer(&folder, &["predict", &run, "many.csv"]).says("`many.csv`, line 2").advises("`--quoting none`");
    folder.write("two.csv", "text,label\n\"the sun,good\nthe light\",bad\n");
    for args in [&["predict", &run, "two.csv"][..], &["eval", &run, "two.csv"]] {
        answer(&folder, args)
            .says("`two.csv`, line 2: a value begins with a quote that is closed on a later line")
            .advises("`--quoting none`");
        folder.succeed(&[args, &["--quoting", "double"]].concat());
    }
    folder.change_task("test.csv", "two.csv");
    answer(&folder, &["check", "task.toml"]).says("`two.csv`, line 2").advises("quoting = \"none\"");
    // A line that needs its quotes settles it for prose, and not for what looks like rows.
    let needs = "\"the sun, the light\",good\n";
    folder.write("two.csv", format!("text,label\n\"the sun, good\nthe light\",bad\n{needs}"));
    assert_eq!(folder.succeed(&["predict", &run, "two.csv"]).lines().count(), 4);
    folder.write("two.csv", format!("text,label\n\"the sun,good\nthe light\",bad\n{needs}"));
    answer(&folder, &["predict", &run, "two.csv"]).says("`two.csv`, line 2").advises("`--quoting none`");
}

#[test]
fn a_column_that_the_run_needs_is_asked_of_the_data() {
    let (folder, run) = trained();
    folder.write("new.csv", "id,Text\n1,the sun\n");
    let found = answer(&folder, &["predict", &run, "new.csv"]);
    found
        .says("`new.csv`: there is no column `text`, which the run needs")
        .advises("rename the column `Text` to `text`");
    folder.write("new.csv", "id,text\n1,the sun\n");
    folder.succeed(&["predict", &run, "new.csv"]);
    folder.write("rows.jsonl", "{\"text\": \"the sun\"}\n{\"Text\": \"the night\"}\n");
    let found = answer(&folder, &["predict", &run, "rows.jsonl"]);
    found.says("`rows.jsonl`, line 2: the object has no `text`").advises("is `Text` meant to be `text`?");
    found.advises("write `\"text\": null`");
    for line in ["{\"text\": \"the night\"}", "{\"Text\": \"the night\", \"text\": null}"] {
        folder.write("rows.jsonl", format!("{{\"text\": \"the sun\"}}\n{line}\n"));
        assert_eq!(folder.succeed(&["predict", &run, "rows.jsonl"]).lines().count(), 2);
    }
    folder.write("rows.jsonl", "{\"text\": \"the sun\"}\n{\"text\": \"a\", \"text\": \"b\"}\n");
    answer(&folder, &["predict", &run, "rows.jsonl"])
        .says("line 2: the key `text` occurs twice")
        .advises("remove one");
    // Values that something else separates.
    folder.write("pipes.csv", "id|text\n1|the sun, again\n");
    answer(&folder, &["predict", &run, "pipes.csv"]).advises("begin it with a line such as `sep=|`");
    folder.write("pipes.csv", "sep=|\nid|text\n1|the sun, again\n");
    assert!(folder.succeed(&["predict", &run, "pipes.csv"]).contains("1,\"the sun, again\","));
}

#[test]
fn columns_that_are_added_have_different_names() {
    let folder = Folder::new();
    folder.change_task("bad = \"bad\"", "bad = \"bad\"\ngood_2 = \"light\"");
    let run = folder.train();
    folder.write("in.csv", "text,p_good\nthe sun,1\n");
    let written = folder.succeed(&["predict", &run, "in.csv"]);
    assert!(written.starts_with("text,p_good,prediction,p_good_2,p_bad,p_good_2_2\n"), "{written}");
}

#[test]
fn files_that_hold_no_text_are_called_what_they_are() {
    let (folder, run) = trained();
    for (name, bytes, what, remedy) in [
        (
            "real.xlsx",
            &b"PK\x03\x04\x14\0\0\0\x08\0[Content_Types].xml xl/"[..],
            "an Excel workbook",
            "save the sheet as CSV",
        ),
        ("scan.csv", b"%PDF-1.4\n", "a PDF document", "copy the texts"),
        ("old.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "an old Office file", "save the sheet as CSV"),
        ("page.csv", b"<!DOCTYPE html>\n<html>", "a web page", "download the table itself"),
    ] {
        folder.write(name, bytes);
        for args in [vec!["predict", &run, name], vec!["init", name, "--label", "label", "-o", "x.toml"]] {
            answer(&folder, &args).says(&format!("`{name}`: it is {what}")).advises(remedy);
        }
    }
    folder.write("table.csv", b"PAR1\x15\x04\x15");
    let cut = answer(&folder, &["predict", &run, "table.csv"]);
    cut.says("`table.csv`: it cannot be read as Parquet").advises("get the file again");
    let wide: Vec<u8> = "\u{feff}text\nthe sun\n".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    folder.write("wide.csv", wide);
    let found = answer(&folder, &["predict", &run, "wide.csv"]);
    found.says("the text is UTF-32").advises("`iconv -f UTF-32 -t UTF-8 wide.csv > utf8.csv`");
    // Most systems have that program.
    if std::process::Command::new("iconv").arg("--version").output().is_ok() {
        typed(&folder, found.remedy.split('`').nth(1).unwrap());
        assert!(folder.succeed(&["predict", &run, "utf8.csv"]).contains("the sun,"));
    }
}

#[test]
fn a_line_that_is_no_object_is_told_with_one_number_and_its_own_remedy() {
    let (folder, run) = trained();
    for (line, remedy, mended) in [
        (
            "{\"text\": \"b\", \"score\": NaN}",
            "write `null` in its place",
            "{\"text\": \"b\", \"score\": null}",
        ),
        ("{\"text\": \"b\"", "close the object with `}`", "{\"text\": \"b\"}"),
        ("{'text': 'b'}", "`json.dumps(row)`", "{\"text\": \"b\"}"),
    ] {
        folder.write("in.jsonl", format!("{{\"text\": \"a\"}}\n{line}\n"));
        let found = answer(&folder, &["predict", &run, "in.jsonl"]);
        found.says("`in.jsonl`, line 2: ").advises(remedy);
        assert_eq!(found.message.matches("line 2").count() + found.message.matches("line 1").count(), 1);
        folder.write("in.jsonl", format!("{{\"text\": \"a\"}}\n{mended}\n"));
        assert_eq!(folder.succeed(&["predict", &run, "in.jsonl"]).lines().count(), 2);
    }
    folder.write("in.jsonl", "{\"txt\": \"a\"}\n");
    let output = folder.run(&["predict", &run, "in.jsonl"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("rename the column `txt` to `text`") && !told.contains("header line"), "{told}");
}

#[test]
fn lists_and_objects_of_labels_are_labels() {
    let folder = Folder::new();
    let rows = ["good", "bad"].repeat(3);
    let of = |write: &dyn Fn(&str) -> String| -> String {
        rows.iter()
            .enumerate()
            .map(|(i, label)| format!("{{\"text\": \"the sun {i}\", \"label\": {}}}\n", write(label)))
            .collect()
    };
    let other = |label: &str| if label == "good" { "bad" } else { "good" };
    for rows in [
        of(&|label| format!("[\"{label}\"]")),
        of(&|label| format!("{{\"{label}\": 1, \"{}\": 0}}", other(label))),
        of(&|label| format!("{{\"choices\": [\"{label}\"]}}")),
    ] {
        folder.write("rows.jsonl", rows + "{\"text\": \"nobody has read this\", \"label\": []}\n");
        folder.write("lists.toml", folder.read("task.toml").replace("labelled.csv", "rows.jsonl"));
        let checked = folder.json(&["check", "lists.toml"]);
        assert_eq!((&checked["sets"][0]["rows"], &checked["sets"][0]["unlabelled"]), (&6.into(), &1.into()));
        let drafted =
            folder.json(&["init", "rows.jsonl", "--label", "label", "-o", "drafted.toml", "--force"]);
        assert_eq!(drafted["labels"], serde_json::json!({"good": 3, "bad": 3}));
        folder.succeed(&["check", "drafted.toml"]);
    }
    folder.write("both.csv", "text,label\nthe sun,\"[\"\"good\"\",\"\"bad\"\"]\"\nthe war,bad\n");
    folder.write("both.toml", folder.read("task.toml").replace("labelled.csv", "both.csv"));
    let found = answer(&folder, &["check", "both.toml"]);
    found
        .says("`both.csv`, line 2, column `label`: the row has the labels `good`, `bad`")
        .advises("`cloze init`");
    let drafted = folder.json(&["init", "both.csv", "--label", "label", "-o", "several.toml"]);
    assert_eq!(drafted["several"], true);
    let checked = folder.json(&["check", "several.toml"]);
    assert_eq!(checked["topics"].as_array().unwrap().len(), 2);
}

#[test]
fn marks_for_missing_labels_are_asked_about() {
    let folder = Folder::new();
    folder.write("labelled.csv", labelled(8) + "nobody has read this,NA\nnor this,NA\n");
    let found = answer(&folder, &["check", "task.toml"]);
    found.says("the label `NA` is not in `[labels]`").advises("write `missing = [\"NA\"]` under `[data]`");
    folder.change_task("[data]\n", "[data]\nmissing = [\"NA\"]\n");
    let checked = folder.json(&["check", "task.toml"]);
    assert_eq!((&checked["sets"][0]["rows"], &checked["sets"][0]["unlabelled"]), (&8.into(), &2.into()));
    assert!(folder.succeed(&["check", "task.toml"]).contains("8 rows, 2 without a label"));

    let drafted = folder.json(&["init", "labelled.csv", "--label", "label", "-o", "drafted.toml"]);
    assert_eq!((&drafted["missing"], &drafted["unlabelled"]), (&serde_json::json!({"NA": 2}), &2.into()));
    let shown =
        folder.succeed(&["init", "labelled.csv", "--label", "label", "-o", "drafted.toml", "--force"]);
    assert!(shown.contains("Read as a missing label: `NA` (2 rows)"), "{shown}");
    assert!(folder.read("drafted.toml").contains("missing   = [\"NA\"] # 2 rows without a label"));
    folder.succeed(&["check", "drafted.toml"]);
    let all = folder.json(&["init", "labelled.csv", "--label", "label", "-o", "all.toml", "--missing", ""]);
    assert_eq!(all["labels"]["NA"], 2);

    // What is declared is a label, whatever it is called.
    folder.change_task("bad = \"bad\"", "bad = \"bad\"\nNA = \"maybe\"");
    let checked = folder.json(&["check", "task.toml"]);
    assert_eq!((&checked["sets"][0]["rows"], &checked["sets"][0]["unlabelled"]), (&10.into(), &0.into()));
}

#[test]
fn learning_from_predictions_is_warned_of() {
    let (folder, run) = trained();
    folder.succeed(&["predict", &run, "unlabeled.csv", "-o", "predictions.csv"]);
    folder.write(
        "again.toml",
        folder
            .read("task.toml")
            .replace("labelled.csv", "predictions.csv")
            .replace("label = \"label\"", "label = \"prediction\""),
    );
    let warnings = folder.json(&["check", "again.toml"])["warnings"].to_string();
    assert!(warnings.contains("these are predictions, it seems"), "{warnings}");
    let output = folder.run(&["train", "again.toml"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success()
            && told.contains("`predictions.csv`, column `prediction`: these are predictions"),
        "{told}"
    );
    // What the advice leads to is warned of no more.
    folder.write("checked.csv", folder.read("test.csv"));
    folder.change_task("test.csv", "checked.csv");
    assert!(!folder.json(&["check", "task.toml"])["warnings"].to_string().contains("predictions"));
}

#[test]
fn texts_of_another_language_are_told_to_the_user_of_an_english_model() {
    let folder = Folder::new();
    let german =
        "Die Mülltonne in der Brückenstraße wurde gestern wieder nicht geleert, und der Gehweg ist versperrt";
    let english = "The bin in the street was not emptied yesterday and nobody can walk past it any more";
    for (text, doubted) in [(german, true), (english, false)] {
        let rows: String = (0..8).map(|i| format!("\"{text} {i}\",{}\n", ["good", "bad"][i % 2])).collect();
        folder.write("labelled.csv", format!("text,label\n{rows}"));
        folder.write("unlabeled.csv", format!("text\n\"{text}\"\n"));
        for args in [
            &["init", "labelled.csv", "--label", "label", "-o", "drafted.toml", "--force"][..],
            &["check", "task.toml"],
        ] {
            let output = folder.command(args).env_remove("CLOZE_MODEL").output().unwrap();
            assert!(output.status.success());
            let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert_eq!(told.contains("the model is English"), doubted, "{args:?}: {told}");
        }
    }
}

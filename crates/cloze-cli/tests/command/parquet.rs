//! Tables as Parquet, and tables that are compressed while they are written.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::advice::{answer, trained};
use crate::support::{Folder, labelled};

/// Writes rows with a number, a text and a note, a row group for every 10,000.
fn write(path: &Path, rows: usize, note: impl Fn(usize) -> String) {
    let groups: Vec<_> = (0..rows).step_by(10_000).map(|start| start..rows.min(start + 10_000)).collect();
    write_groups(path, &groups, note);
}

/// The same with these row groups.
pub(crate) fn write_groups(path: &Path, groups: &[Range<usize>], note: impl Fn(usize) -> String) {
    let mut writer = None;
    for group in groups {
        let numbers = || group.clone();
        let text =
            |row: usize| format!("the {} of day {row}", if row.is_multiple_of(2) { "sun" } else { "storm" });
        let batch = RecordBatch::try_from_iter([
            ("id", Arc::new(Int32Array::from_iter_values(numbers().map(|row| row as i32))) as ArrayRef),
            ("text", Arc::new(StringArray::from_iter_values(numbers().map(text)))),
            ("note", Arc::new(StringArray::from_iter_values(numbers().map(&note)))),
            ("open", Arc::new(BooleanArray::from_iter(numbers().map(|row| Some(row.is_multiple_of(3)))))),
        ])
        .unwrap();
        let writer = writer.get_or_insert_with(|| {
            ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap()
        });
        writer.write(&batch).unwrap();
        writer.flush().unwrap();
    }
    writer.unwrap().close().unwrap();
}

pub(crate) fn read(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
}

#[test]
fn parquet_in_is_parquet_out_with_its_types() {
    let (folder, run) = trained();
    write(&folder.path("new.parquet"), 1200, |row| format!("note {row}"));
    folder.succeed(&["predict", &run, "new.parquet", "-o", "out.parquet"]);
    let (before, after) = (read(&folder.path("new.parquet")), read(&folder.path("out.parquet")));
    let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!((rows(&before), rows(&after)), (1200, 1200));
    let fields = after[0].schema().fields().iter().map(ToString::to_string).collect::<Vec<_>>();
    for (field, name, kind) in [
        (&fields[0], "id", "Int32"),
        (&fields[3], "open", "Boolean"),
        (&fields[4], "prediction", "Utf8"),
        (&fields[5], "p_good", "Float64"),
    ] {
        assert!(field.contains(name) && field.contains(kind), "{field}");
    }
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.columns(), &after.columns()[..4]);
    }
    // The same labels as from text, and to text.
    folder.succeed(&["predict", &run, "new.parquet", "-o", "out.csv"]);
    let csv = folder.read("out.csv");
    assert!(
        csv.starts_with("id,text,note,open,prediction,p_good,p_bad\n0,the sun of day 0,note 0,true,"),
        "{csv}"
    );
    folder.succeed(&["predict", &run, "out.csv", "-o", "again.pq"]);
    let again = read(&folder.path("again.pq"));
    assert_eq!(again[0].column_by_name("prediction"), again[0].column_by_name("prediction_2"));
    // On standard output it is JSON Lines, with numbers and booleans.
    let lines = folder.succeed(&["predict", &run, "new.parquet"]);
    let first =
        "{\"id\": 0, \"text\": \"the sun of day 0\", \"note\": \"note 0\", \"open\": true, \"prediction\": ";
    assert!(lines.starts_with(first), "{lines}");
    assert_eq!(lines.lines().count(), 1200);
}

#[test]
fn a_task_learns_from_parquet_as_from_csv() {
    let folder = Folder::new();
    let csv = folder.train();
    let rows = labelled(8);
    let column = |index: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            rows.lines().skip(1).map(|row| row.split(',').nth(index).unwrap()),
        ))
    };
    let batch = RecordBatch::try_from_iter([("text", column(0)), ("label", column(1))]).unwrap();
    let file = File::create(folder.path("labelled.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    folder.change_task("labelled.csv", "labelled.parquet");
    let parquet = folder.train();
    let accuracy = |run: &str| folder.json(&["eval", run, "test.csv"]);
    assert_eq!(accuracy(&csv)["accuracy"], accuracy(&parquet)["accuracy"]);
    let drafted = ["init", "labelled.parquet", "--label", "label", "-o", "drafted.toml"];
    folder.succeed(&drafted);
    assert_eq!(folder.json(&["check", "drafted.toml"])["sets"][0]["rows"], 8);
    assert_eq!(folder.json(&["eval", &csv, "labelled.parquet"])["rows"], 8);
}

#[test]
fn parquet_is_neither_read_from_standard_input_nor_written_to_standard_output() {
    let (folder, run) = trained();
    write(&folder.path("new.parquet"), 3, |_| String::new());
    let mut command = folder.command(&["predict", &run, "-"]);
    let piped = command.stdin(File::open(folder.path("new.parquet")).unwrap()).output().unwrap();
    let said = String::from_utf8(piped.stderr).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!piped.status.success() && said.contains("it is a Parquet file"), "{said}");
    assert!(said.contains("give the name of the file"), "{said}");
    let found = answer(&folder, &["predict", &run, "new.parquet", "--to", "parquet"]);
    found.says("not written to standard output").advises("`-o predictions.parquet`");
    // As advised.
    folder.succeed(&["predict", &run, "new.parquet", "--to", "parquet", "-o", "predictions.parquet"]);
    assert_eq!(read(&folder.path("predictions.parquet"))[0].num_rows(), 3);
}

#[test]
fn damaged_parquet_is_an_error_and_leaves_no_output() {
    let (folder, run) = trained();
    write(&folder.path("new.parquet"), 500, |row| format!("note {}", row % 7));
    let whole = folder.bytes("new.parquet");
    for at in (4..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at..].iter_mut().take(8).for_each(|byte| *byte ^= 0xff);
        folder.write("damaged.parquet", &bytes);
        let output = folder.run(&["predict", &run, "damaged.parquet", "-o", "out.csv", "--force"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked"), "byte {at}: {said}");
        if !output.status.success() {
            assert!(said.contains("`damaged.parquet`"), "byte {at}: {said}");
        }
    }
    folder.write("short.parquet", &whole[..whole.len() / 2]);
    let found = answer(&folder, &["predict", &run, "short.parquet", "-o", "short.csv"]);
    found.says("`short.parquet`: it cannot be read as Parquet").advises("get the file again");
    assert!(!folder.path("short.csv").exists());
}

#[test]
fn rows_of_text_are_compressed_as_their_name_says() {
    let (folder, run) = trained();
    folder.succeed(&["predict", &run, "test.csv", "-o", "plain.csv"]);
    let plain = folder.bytes("plain.csv");
    folder.succeed(&["predict", &run, "test.csv", "-o", "packed.csv.gz"]);
    folder.succeed(&["predict", &run, "test.csv", "-o", "packed.csv.zst"]);
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&folder.bytes("packed.csv.gz")[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    assert_eq!(zstd::decode_all(&folder.bytes("packed.csv.zst")[..]).unwrap(), plain);
    folder.succeed(&["predict", &run, "packed.csv.gz", "-o", "twice.jsonl.zst"]);
    let lines = zstd::decode_all(&folder.bytes("twice.jsonl.zst")[..]).unwrap();
    assert_eq!(lines.iter().filter(|&&byte| byte == b'\n').count(), 20);
    let found = answer(&folder, &["predict", &run, "test.csv", "-o", "x.parquet.gz"]);
    found.advises("`x.parquet`, which is compressed within");
    folder.succeed(&["predict", &run, "test.csv", "-o", "x.parquet"]);
}

/// The most memory that a prediction of these rows takes, in kB.
#[cfg(target_os = "linux")]
fn peak(folder: &Folder, run: &str, rows: usize) -> u64 {
    // Notes that do not compress, so that what is kept shows.
    let note = |row: usize| {
        let mut state = row as u64 + 1;
        let mut word = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            format!("{state:016x}")
        };
        (0..256).map(|_| word()).collect()
    };
    write(&folder.path("many.parquet"), rows, note);
    let args = ["predict", run, "many.parquet", "-o", "many-out.parquet", "--force"];
    let mut child = folder.command(&args).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let found = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = found.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        most = number.unwrap_or(most);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    let file = File::open(folder.path("many-out.parquet")).unwrap();
    let written = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(written.metadata().file_metadata().num_rows(), rows as i64);
    assert!(written.metadata().num_row_groups() > 1 || rows < 10_000);
    most
}

/// `CLOZE_ROWS` sets another number than 20,000.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_for_parquet_does_not_grow_with_the_rows() {
    let rows = std::env::var("CLOZE_ROWS").map_or(20_000, |number| number.parse().unwrap());
    let (folder, run) = trained();
    let few = peak(&folder, &run, 2_000);
    let many = peak(&folder, &run, rows);
    println!("{few} kB for 2,000 rows, {many} kB for {rows}");
    // The file has 4 kB for every row. A row group that is being written takes up to 32 MB before it is compressed.
    assert!(many < few + 60_000, "{few} kB for 2,000 rows, {many} kB for {rows}");
}

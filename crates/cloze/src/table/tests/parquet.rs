//! Parquet: every type, damage, and the way there and back.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Int32Builder, ListBuilder, MapBuilder, StringBuilder, StringDictionaryBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::*;
use arrow_schema::{DataType, Field};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::table::writer::Added;
use crate::table::{Format, ReadOptions, Reader, Table, Writer};
use crate::{Result, quieten_parquet};

/// A file with this column, named `x`.
fn column(array: ArrayRef) -> Bytes {
    file(
        &RecordBatch::try_from_iter_with_nullable([("x", array, true)]).unwrap(),
        WriterProperties::default(),
    )
}

fn file(batch: &RecordBatch, properties: WriterProperties) -> Bytes {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap().into()
}

fn read(bytes: Bytes) -> Result<Table> {
    Reader::parquet("t.parquet", bytes, ReadOptions::default())?.into_table()
}

/// The texts of the column `x`.
fn texts(array: impl Array + 'static) -> Vec<String> {
    let table = read(column(Arc::new(array))).unwrap();
    table.rows.iter().map(|row| row.value(0).to_owned()).collect()
}

fn refusal(bytes: Bytes) -> (String, String) {
    let error = read(bytes).unwrap_err();
    (error.to_string(), error.remedy().unwrap())
}

#[test]
fn texts_of_every_kind_are_read() {
    let words = [Some("Müll"), None, Some(""), Some("a,\"b\"\nc")];
    let expected = ["Müll", "", "", "a,\"b\"\nc"];
    assert_eq!(texts(StringArray::from(words.to_vec())), expected);
    assert_eq!(texts(LargeStringArray::from(words.to_vec())), expected);
    assert_eq!(texts(StringViewArray::from(words.to_vec())), expected);
    assert_eq!(texts(words.into_iter().collect::<DictionaryArray<Int32Type>>()), expected);
    let bytes = words.map(|word| word.map(str::as_bytes));
    assert_eq!(texts(BinaryArray::from(bytes.to_vec())), expected);
    assert_eq!(texts(LargeBinaryArray::from(bytes.to_vec())), expected);
    assert_eq!(texts(FixedSizeBinaryArray::try_from_iter([b"ab", b"cd"].into_iter()).unwrap()), ["ab", "cd"]);
}

#[test]
fn numbers_are_read_digit_for_digit() {
    assert_eq!(texts(Int8Array::from(vec![Some(-128), None])), ["-128", ""]);
    assert_eq!(texts(Int16Array::from(vec![i16::MIN])), ["-32768"]);
    assert_eq!(texts(Int32Array::from(vec![7])), ["7"]);
    assert_eq!(texts(Int64Array::from(vec![i64::MIN])), ["-9223372036854775808"]);
    assert_eq!(texts(UInt8Array::from(vec![255])), ["255"]);
    assert_eq!(texts(UInt16Array::from(vec![65535])), ["65535"]);
    assert_eq!(texts(UInt32Array::from(vec![u32::MAX])), ["4294967295"]);
    assert_eq!(texts(UInt64Array::from(vec![u64::MAX])), ["18446744073709551615"]);
    assert_eq!(texts(Float32Array::from(vec![0.1, -2.0, f32::NAN])), ["0.1", "-2.0", "NaN"]);
    assert_eq!(texts(Float64Array::from(vec![0.1, 1e300, f64::INFINITY])), ["0.1", "1e+300", "inf"]);
    assert_eq!(texts(BooleanArray::from(vec![Some(true), Some(false), None])), ["true", "false", ""]);
    let decimal = |digits| Decimal128Array::from(vec![digits]).with_precision_and_scale(20, 2).unwrap();
    assert_eq!(texts(decimal(-1_234_567_890_123_456_789)), ["-12345678901234567.89"]);
    let wide = Decimal256Array::from_iter_values([1000.into()]).with_precision_and_scale(50, 1).unwrap();
    assert_eq!(texts(wide), ["100.0"]);
    assert_eq!(texts(NullArray::new(2)), ["", ""]);
}

#[test]
fn dates_and_times_are_read_as_iso_8601() {
    assert_eq!(texts(Date32Array::from(vec![Some(0), Some(-1), None])), ["1970-01-01", "1969-12-31", ""]);
    assert_eq!(texts(TimestampSecondArray::from(vec![86_399])), ["1970-01-01T23:59:59"]);
    assert_eq!(texts(TimestampMillisecondArray::from(vec![1])), ["1970-01-01T00:00:00.001"]);
    assert_eq!(texts(TimestampMicrosecondArray::from(vec![1])), ["1970-01-01T00:00:00.000001"]);
    assert_eq!(texts(TimestampNanosecondArray::from(vec![1])), ["1970-01-01T00:00:00.000000001"]);
    let zoned = TimestampMillisecondArray::from(vec![1_500]).with_timezone("Europe/Berlin");
    assert_eq!(texts(zoned), ["1970-01-01T00:00:01.500Z"]);
    assert_eq!(texts(Time32MillisecondArray::from(vec![61_000])), ["00:01:01"]);
    assert_eq!(texts(Time64MicrosecondArray::from(vec![1])), ["00:00:00.000001"]);
    let (problem, remedy) = refusal(column(Arc::new(TimestampSecondArray::from(vec![0, i64::MAX]))));
    assert_eq!(problem, "`t.parquet`, row 2, column `x`: the date or time is out of range (row group 1)");
    assert_eq!(remedy, "correct it, or write the column as text");
}

#[test]
fn lists_structs_and_maps_are_json() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None, Some("\"b\"")]);
    lists.append_null();
    lists.append_value([None::<&str>; 0]);
    assert_eq!(texts(lists.finish()), ["[\"a\",null,\"\\\"b\\\"\"]", "", "[]"]);
    let number: ArrayRef = Arc::new(Float64Array::from(vec![0.5, f64::NAN]));
    let day: ArrayRef = Arc::new(Date32Array::from(vec![Some(0), None]));
    let structs = StructArray::try_from(vec![("n", number), ("day", day)]).unwrap();
    assert_eq!(texts(structs), ["{\"n\":0.5,\"day\":\"1970-01-01\"}", "{\"n\":\"NaN\",\"day\":null}"]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("k");
    map.values().append_value(1);
    map.append(true).unwrap();
    assert_eq!(texts(map.finish()), ["{\"k\":1}"]);
}

#[test]
fn bytes_that_are_not_text_are_an_error_with_their_row_and_column() {
    let mut bytes = BinaryBuilder::new();
    (0..100).for_each(|_| bytes.append_value("fine"));
    bytes.append_value(b"caf\xe9");
    let batch = RecordBatch::try_from_iter([("x", Arc::new(bytes.finish()) as ArrayRef)]).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(40)).build();
    let (problem, remedy) = refusal(file(&batch, properties));
    let expected = "`t.parquet`, row 101, column `x`: the bytes are not UTF-8 text: byte 0xe9 (row group 3)";
    assert_eq!(problem, expected);
    assert_eq!(remedy, "write the column as text, or leave it out");
    let (problem, _) = refusal(column(Arc::new(StringArray::from(vec!["a\0b"]))));
    assert_eq!(problem, "`t.parquet`, row 1, column `x`: the text holds a zero byte (row group 1)");
}

#[test]
fn columns_that_are_no_values_and_columns_of_the_same_name_are_refused() {
    let (problem, remedy) = refusal(column(Arc::new(DurationSecondArray::from(vec![1]))));
    assert_eq!(problem, "`t.parquet`, column `x`: values of the type Duration(s) are not read");
    assert_eq!(remedy, "write the column as text");
    let field = || Arc::new(Field::new("x", DataType::Utf8, true));
    let array = || Arc::new(StringArray::from(vec!["a"])) as ArrayRef;
    let schema = Arc::new(arrow_schema::Schema::new(vec![field(), field()]));
    let twice = RecordBatch::try_new(schema, vec![array(), array()]).unwrap();
    let (problem, remedy) = refusal(file(&twice, WriterProperties::default()));
    assert_eq!(problem, "`t.parquet`: two columns are named `x`");
    assert_eq!(remedy, "rename one; the columns are `x`, `x`");
}

#[test]
fn every_compression_that_is_compiled_in_is_read() {
    let batch = sample(500);
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let table =
            read(file(&batch, WriterProperties::builder().set_compression(compression).build())).unwrap();
        assert_eq!(table.rows.len(), 500, "{compression}");
        assert_eq!(table.rows[499].values(), ["499", "text 499", "c"]);
        assert_eq!(table.rows[499].place().to_string(), "`t.parquet`, row 500");
    }
}

/// Rows with a number, a text and a category.
fn sample(rows: i32) -> RecordBatch {
    let numbers = Int32Array::from_iter_values(0..rows);
    let words = StringArray::from_iter_values((0..rows).map(|row| format!("text {row}")));
    let mut kinds = StringDictionaryBuilder::<Int8Type>::new();
    (0..rows).for_each(|row| kinds.append_value(["a", "c"][usize::from(row % 2 == 1)]));
    RecordBatch::try_from_iter([
        ("id", Arc::new(numbers) as ArrayRef),
        ("text", Arc::new(words)),
        ("kind", Arc::new(kinds.finish())),
    ])
    .unwrap()
}

#[test]
fn parquet_keeps_its_types_and_gains_columns() {
    let batch = sample(3000);
    let mut reader =
        Reader::parquet("t", file(&batch, WriterProperties::default()), ReadOptions::default()).unwrap();
    let added = [Added::like("prediction", &"a".into()), Added::like("p_a", &0.5.into())];
    let columns = reader.header().clone();
    let mut writer = Writer::new("out", Vec::new(), Format::Parquet, &columns, &added).unwrap();
    for (number, row) in reader.rows().enumerate() {
        writer.write(&row.unwrap(), &["a".into(), 0.25.into()]).unwrap();
        if number % 512 == 0 {
            writer.flush().unwrap();
        }
    }
    let written = Bytes::from(writer.finish().unwrap());
    let batches =
        ParquetRecordBatchReaderBuilder::try_new(written).unwrap().with_batch_size(5000).build().unwrap();
    let batches: Vec<RecordBatch> = batches.map(|batch| batch.unwrap()).collect();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].project(&[0, 1, 2]).unwrap(), batch);
    let kinds: Vec<&DataType> =
        batches[0].schema_ref().fields()[3..].iter().map(|field| field.data_type()).collect();
    assert_eq!(kinds, [&DataType::Utf8, &DataType::Float64]);
    let predictions = batches[0].column(3).as_string::<i32>().value(2999);
    assert_eq!(predictions, "a");
}

#[test]
fn text_becomes_parquet_and_parquet_becomes_text() {
    let csv = "text,n\n\"a, b\",1\n,2\n";
    let mut reader = Reader::new("t", std::io::Cursor::new(csv), ReadOptions::default()).unwrap();
    let added = [Added::like("labels", &serde_json::json!(["a"]))];
    let mut writer =
        Writer::new("out", Vec::new(), Format::Parquet, &reader.header().clone(), &added).unwrap();
    reader.rows().for_each(|row| writer.write(&row.unwrap(), &[serde_json::json!(["x", "y"])]).unwrap());
    let written = Bytes::from(writer.finish().unwrap());
    let table = read(written.clone()).unwrap();
    assert_eq!(table.columns.names(), ["text", "n", "labels"]);
    assert_eq!(table.rows[0].values(), ["a, b", "1", "[\"x\",\"y\"]"]);
    assert_eq!(table.rows[1].values(), ["", "2", "[\"x\",\"y\"]"]);
    let mut reader = Reader::parquet("t", written, ReadOptions::default()).unwrap();
    let mut writer = Writer::new("out", Vec::new(), Format::Jsonl, &reader.header().clone(), &[]).unwrap();
    reader.rows().for_each(|row| writer.write(&row.unwrap(), &[]).unwrap());
    let lines = String::from_utf8(writer.finish().unwrap()).unwrap();
    assert_eq!(lines.lines().next(), Some("{\"text\": \"a, b\", \"n\": \"1\", \"labels\": [\"x\",\"y\"]}"));
}

#[test]
fn row_groups_one_by_one_are_the_rows_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(300)).build();
    std::fs::write(&path, file(&sample(700), properties)).unwrap();
    let options = ReadOptions::default();
    let whole = Reader::open(&path, options).unwrap();
    assert_eq!(whole.row_groups(), Some(vec![300, 300, 100]));
    let group = |number| Reader::open_row_group(&path, number, options);
    let table = |reader: Reader| reader.into_table().unwrap().rows;
    let groups: Vec<_> = (0..3).flat_map(|number| table(group(number).unwrap())).collect();
    // With the numbers that they have in the file.
    assert_eq!((groups[300].line, groups.len()), (301, 700));
    assert_eq!(groups, table(whole));
    assert_eq!(group(1).unwrap().without_rows().count(), 0);
    let error = group(3).map(drop).unwrap_err().to_string();
    assert!(error.ends_with("there is no row group 4; the file has 3"), "{error}");
    let text = Reader::new("t", std::io::Cursor::new("text\na\n"), options).unwrap();
    assert_eq!(text.row_groups(), None);
}

#[test]
fn a_file_is_known_by_its_first_bytes_or_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str, bytes: &[u8], options: ReadOptions| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Reader::open(&path, options).and_then(Reader::into_table)
    };
    let parquet = file(&sample(3), WriterProperties::default());
    for (name, options) in [
        ("t.parquet", ReadOptions::default()),
        ("t.pq", ReadOptions::default()),
        ("t", ReadOptions::default()),
        ("t.csv", ReadOptions::default()),
        ("t.dat", ReadOptions::from(Format::Parquet)),
    ] {
        assert_eq!(open(name, &parquet, options).unwrap().rows.len(), 3, "{name}");
    }
    let error = open("text.parquet", b"text,label\na,b\n", ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("text.parquet`: it cannot be read as Parquet: "), "{error}");
    assert!(error.remedy().unwrap().contains("needs another extension"));
    // The remedy.
    assert_eq!(open("text.csv", b"text,label\na,b\n", ReadOptions::default()).unwrap().rows.len(), 1);
    let packed = zstd::encode_all(&parquet[..], 3).unwrap();
    for (name, bytes) in [("packed.parquet.zst", &packed), ("packed.parquet", &packed)] {
        assert!(open(name, bytes, ReadOptions::default()).is_err());
    }
    let error = open("packed.csv.zst", &packed, ReadOptions::default()).unwrap_err();
    assert!(error.remedy().unwrap().contains("decompress it first"), "{:?}", error.remedy());
}

#[test]
fn parquet_is_not_read_from_standard_input() {
    for (bytes, options) in [
        (file(&sample(3), WriterProperties::default()), ReadOptions::default()),
        (Bytes::from_static(b"text\na\n"), ReadOptions::from(Format::Parquet)),
    ] {
        let error = Reader::new("standard input", std::io::Cursor::new(bytes), options).err().unwrap();
        assert!(error.to_string().contains("Parquet"), "{error}");
        assert!(error.remedy().unwrap().starts_with("give the name of the file"), "{:?}", error.remedy());
    }
}

#[test]
fn damaged_files_are_errors() {
    quieten_parquet();
    let whole = file(&sample(300), WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    for length in 0..whole.len() {
        assert!(read(whole.slice(..length)).is_err(), "{length}");
    }
    // What is left of a value is read; nothing panics.
    for at in 4..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = whole.to_vec();
            bytes[at] ^= flip;
            let _ = Reader::parquet("t", Bytes::from(bytes), ReadOptions::default())
                .map(|mut reader| reader.rows().take(1000).filter(Result::is_ok).count());
        }
    }
}

#[test]
fn the_file_of_the_fixtures_has_every_type() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/tables/types.parquet");
    let table = Table::read(&path, ReadOptions::default()).unwrap();
    let columns = table.columns.names().iter().map(String::as_str);
    let first: Vec<(&str, &str)> = columns.zip(table.rows[0].values().iter().map(String::as_str)).collect();
    let expected = [
        ("text", "Müll, \"quoted\""),
        ("large", "large"),
        ("view", "view"),
        ("category", "b"),
        ("bytes", "bytes"),
        ("integer", "-7"),
        ("unsigned", "18446744073709551615"),
        ("float", "0.5"),
        ("single", "0.1"),
        ("flag", "true"),
        ("decimal", "12.30"),
        ("day", "2024-02-29"),
        ("moment", "2024-02-29T12:30:00.000001"),
        ("zoned", "2024-02-29T11:30:00Z"),
        ("list", "[\"a\",\"b\"]"),
        ("struct", "{\"a\":1,\"b\":\"x\"}"),
    ];
    assert_eq!(first, expected);
    assert!(table.rows[1].values().iter().all(String::is_empty));
}

//! Weights in every form in which models are published, and files that only look like weights.

use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use cloze_encoder::{Checkpoint, Model, Result, tensors};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// What `scripts/make-weights-fixtures.py` has written.
fn written_by_torch(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join("weights").join(name)).unwrap()
}

fn refusal(bytes: Vec<u8>) -> String {
    tensors("pytorch_model.bin", bytes).unwrap_err().to_string()
}

// Files of PyTorch.

#[test]
fn every_form_of_torch_holds_the_tensors_of_the_safetensors_file() {
    let want = tensors("model.safetensors", written_by_torch("model.safetensors")).unwrap();
    let shapes: Vec<(&str, &[usize])> = want.iter().map(|(name, shape, _)| (&**name, &**shape)).collect();
    assert_eq!(
        shapes,
        [
            ("cls.predictions.decoder.weight", &[5, 4][..]),
            ("embeddings.LayerNorm.bias", &[4]),
            ("embeddings.LayerNorm.weight", &[4]),
            ("embeddings.word_embeddings.weight", &[5, 4]),
            ("encoder.layer.0.attention.self.query.weight", &[4, 3]),
            ("encoder.layer.0.output.dense.weight", &[4, 2, 2]),
        ]
    );
    for file in ["zip-f32", "zip-f16", "zip-bf16", "zip-protocol-4", "legacy-f32", "legacy-bf16"] {
        let got = tensors("pytorch_model.bin", written_by_torch(&format!("{file}.bin"))).unwrap();
        assert!(got == want, "{file}: {got:?}");
    }
}

#[test]
fn bytes_with_a_scale_for_every_row_are_their_product() {
    let bytes: Vec<u8> = [-127_i8, 0, 5, 127, 1, -2].map(i8::cast_unsigned).to_vec();
    let scales: Vec<u8> = [0.5_f32, 2.0].iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let file = |scales: &[u8], rows: usize| {
        let weights = TensorView::new(Dtype::I8, vec![2, 3], &bytes).unwrap();
        let scales = TensorView::new(Dtype::F32, vec![rows], scales).unwrap();
        serialize([("dense.weight", weights), ("dense.weight.scale", scales)], None).unwrap()
    };
    let read = tensors("model.safetensors", file(&scales, 2)).unwrap();
    assert_eq!(read, [("dense.weight".to_owned(), vec![2, 3], vec![-63.5, 0.0, 2.5, 254.0, 2.0, -4.0])]);
    let error = tensors("model.safetensors", file(&scales[..4], 1)).unwrap_err().to_string();
    assert!(
        error.contains("`dense.weight.scale` has F32 of the shape [1], but `dense.weight` of the"),
        "{error}"
    );
    assert!(error.contains("shape [2, 3] needs an F32 for each row"), "{error}");
}

#[test]
fn a_parameter_is_its_tensor() {
    let all = tensors("model.safetensors", written_by_torch("model.safetensors")).unwrap();
    let words = all.iter().find(|(name, ..)| name == "embeddings.word_embeddings.weight").unwrap();
    let parameter = tensors("pytorch_model.bin", written_by_torch("zip-parameter.bin")).unwrap();
    assert_eq!(parameter, [("classifier.weight".to_owned(), words.1.clone(), words.2.clone())]);
}

#[test]
fn a_pickle_that_runs_a_command_is_refused_by_the_name_of_the_function() {
    for file in ["zip-attack.bin", "legacy-attack.bin"] {
        let error = refusal(written_by_torch(file));
        assert!(error.contains("`posix.system`") && error.contains("torch.load("), "{error}");
    }
}

#[test]
fn a_file_that_is_damaged_anywhere_is_an_error_or_other_numbers() {
    for file in ["zip-bf16.bin", "legacy-bf16.bin"] {
        let whole = written_by_torch(file);
        for len in 0..whole.len() {
            assert!(
                tensors("pytorch_model.bin", whole[..len].to_vec()).is_err(),
                "{file} cut to {len} bytes"
            );
        }
        for at in 0..whole.len() {
            for bits in [0x01, 0x80, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] ^= bits;
                drop(tensors("pytorch_model.bin", bytes));
            }
        }
    }
}

// Pickles written by hand.

/// A zip archive as `torch.save` writes it, with one storage, `0`.
fn archive(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("data.pkl", pickle), ("byteorder", b"little"), ("data/0", storage)] {
        zip.start_file(format!("model/{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn int(value: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &value.to_le_bytes()].concat()
}

fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

fn ints(values: &[i64]) -> Vec<u8> {
    tuple(&values.iter().map(|&value| int(value)).collect::<Vec<_>>())
}

fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

fn storage(kind: &str, elements: i64) -> Vec<u8> {
    let id = [text("storage"), global("torch", kind), text("0"), text("cpu"), int(elements)];
    [&tuple(&id)[..], b"Q"].concat()
}

fn tensor(storage: Vec<u8>, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let none = b"N".to_vec();
    let arguments = tuple(&[storage, int(offset), ints(shape), ints(strides), none.clone(), none]);
    [global("torch._utils", "_rebuild_tensor_v2"), arguments, b"R".to_vec()].concat()
}

/// The pickle of a dictionary.
fn dictionary(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> =
        entries.iter().flat_map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [b"\x80\x02}(", &entries[..], b"u."].concat()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// What reading a dictionary with the tensor `a` over four floats gives.
fn read(a: Vec<u8>) -> Result<Vec<f32>> {
    let file = archive(&dictionary(&[("a", a)]), &bytes(&[1.0, 2.0, 3.0, 4.0]));
    tensors("pytorch_model.bin", file).map(|mut tensors| tensors.remove(0).2)
}

#[test]
fn views_of_a_storage_are_read_row_by_row() {
    let float = || storage("FloatStorage", 4);
    assert_eq!(read(tensor(float(), 0, &[2, 2], &[2, 1])).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(read(tensor(float(), 0, &[2, 2], &[1, 2])).unwrap(), [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(read(tensor(float(), 1, &[2], &[2])).unwrap(), [2.0, 4.0]);
    assert_eq!(read(tensor(float(), 3, &[], &[])).unwrap(), [4.0]);
    // The bytes of 3 and 4 as those of one double.
    let double = f64::from_bits(0x4080_0000_4040_0000) as f32;
    assert_eq!(read(tensor(storage("DoubleStorage", 2), 1, &[1], &[1])).unwrap(), [double]);
}

#[test]
fn views_that_leave_their_storage_are_refused() {
    let float = |elements| storage("FloatStorage", elements);
    for (storage, offset, shape, strides) in [
        (float(4), 0, &[5][..], &[1][..]),
        (float(4), 4, &[1], &[1]),
        (float(4), 0, &[2, 2], &[3, 1]),
        (float(5), 0, &[4], &[1]),
        (float(i64::MAX), 0, &[4], &[1]),
        (float(4), i64::MAX, &[4], &[1]),
        (float(4), 0, &[i64::MAX, i64::MAX], &[0, 0]),
        (float(4), 0, &[2], &[1, 1]),
        (storage_of_other_key(), 0, &[4], &[1]),
    ] {
        let error = read(tensor(storage, offset, shape, strides)).unwrap_err().to_string();
        assert!(error.contains("`pytorch_model.bin`") && error.contains("`a`"), "{error}");
    }
    for (offset, shape, strides) in
        [(-1, &[4][..], &[1][..]), (0, &[-4], &[1]), (0, &[4], &[-1]), (0, &[1; 9], &[1; 9])]
    {
        let error = read(tensor(float(4), offset, shape, strides)).unwrap_err().to_string();
        assert!(error.contains("pickle is damaged"), "{error}");
    }
}

fn storage_of_other_key() -> Vec<u8> {
    let id = [text("storage"), global("torch", "FloatStorage"), text("../../a"), text("cpu"), int(4)];
    [&tuple(&id)[..], b"Q"].concat()
}

#[test]
fn a_small_storage_cannot_stand_for_many_numbers() {
    let wide = tensor(storage("FloatStorage", 4), 0, &[1 << 30, 1 << 30], &[0, 0]);
    assert!(read(wide).unwrap_err().to_string().contains("its tensors have"));
    let names: Vec<String> = (0..10_000).map(|i| i.to_string()).collect();
    let numbers = bytes(&[0.0; 1 << 16]);
    // The storage once, then from the memo.
    let first = [storage("FloatStorage", 1 << 16), b"q\x00".to_vec()].concat();
    let mut entries = vec![("a", tensor(first, 0, &[1 << 16], &[1]))];
    entries.extend(names.iter().map(|name| (&**name, tensor(b"h\x00".to_vec(), 0, &[1 << 16], &[1]))));
    let error = refusal(archive(&dictionary(&entries), &numbers));
    assert!(error.contains("its tensors have"), "{error}");
}

#[test]
fn what_tensors_do_not_need_is_refused_by_its_name() {
    for (pickle, name) in [
        (&b"\x80\x02G\0\0\0\0\0\0\0\0."[..], "`BINFLOAT`"),
        (b"(S'rm'\nios\nsystem\n.", "`STRING`"),
        (b"(ios\nsystem\n.", "`INST`"),
        (b"\x80\x02)\x81.", "`NEWOBJ`"),
        (b"\x80\x02\xff.", "opcode 0xff"),
        (b"\x80\x09.", "protocol 9"),
        (b"\x80\x02cbuiltins\neval\n.", "`builtins.eval`"),
        (b"\x80\x02ctorch\nload\n.", "`torch.load`"),
        (b"\x80\x02ctorch\nQInt8Storage\n.", "`torch.QInt8Storage`"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "`os.system`"),
        (b"\x80\x02X\x01\0\0\0aQ.", "persistent id"),
        (b"\x80\x02]Nb.", "the state of a list"),
    ] {
        let error = refusal(archive(pickle, b""));
        assert!(
            error.contains(name) && error.contains("not supported") && error.contains("python3 -c"),
            "{error}"
        );
    }
}

#[test]
fn a_pickle_that_makes_no_sense_is_damaged() {
    for pickle in [
        &b""[..],
        b"\x80",
        b"\x80\x02",
        b".",
        b"0.",
        b"1.",
        b"t.",
        b"\x85.",
        b"N\x86.",
        b"(NN(\x86.",
        b"}(N(0.",
        b"}(Nu.",
        b"NNs.",
        b"Na.",
        b"h\x01.",
        b"q\x01.",
        b"NR.",
        b"N)R.",
        b"X\xff\xff\xff\xff.",
        b"X\x01\0\0\0\xff.",
        b"\x8a\x03aa",
        b"NN\x93.",
        b"c\xff\n\n.",
        b"cos",
    ] {
        let error = refusal(archive(pickle, b""));
        assert!(error.contains("pickle is damaged at byte"), "{pickle:?}: {error}");
    }
    for pickle in [&b"N."[..], b"].", b"}.", b"}(X\x01\0\0\0aNu."] {
        let error = refusal(archive(pickle, b""));
        assert!(error.contains("dictionary"), "{pickle:?}: {error}");
    }
}

#[test]
fn nesting_and_circles_cost_no_stack() {
    let deep = [&[b'N'][..], &[0x85].repeat(1_000_000), b"."].concat();
    assert!(refusal(archive(&deep, b"")).contains("dictionary"));
    let circle = b"]q\x00h\x00a.";
    assert!(refusal(archive(circle, b"")).contains("dictionary"));
}

#[test]
fn files_that_are_none_of_torch_are_refused() {
    let compressed = {
        let mut zip = archive(b"}.", b"");
        // The method of every entry, in its own header and in the directory.
        for (signature, place) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
            for at in 0..zip.len() - 12 {
                if &zip[at..at + 4] == signature {
                    zip[at + place] = 8;
                }
            }
        }
        zip
    };
    for (bytes, want) in [
        (b"".to_vec(), "does not begin"),
        (b"PK\x03\x04".to_vec(), "cut short"),
        (b"\x89HDF".to_vec(), "does not begin"),
        (b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "git lfs pull"),
        (compressed, "compressed"),
    ] {
        let error = refusal(bytes);
        assert!(error.contains(want), "{error}");
    }
}

// Directories.

type Tensors = Vec<(String, Dtype, Vec<usize>, Vec<u8>)>;

/// The tensors of the small BERT model.
fn bert() -> Tensors {
    let bytes = std::fs::read(fixtures().join("encoder/bert/model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors = file
        .iter()
        .map(|(name, view)| (name.to_owned(), view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors
}

fn safetensors(tensors: &Tensors) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    serialize(views, None).unwrap()
}

/// A file of PyTorch with one storage for all.
fn torch(tensors: &Tensors) -> Vec<u8> {
    let numbers: Vec<u8> = tensors.iter().flat_map(|(.., data)| data.clone()).collect();
    let mut at = 0;
    let entries: Vec<_> = tensors
        .iter()
        .map(|(name, _, shape, data)| {
            let shape: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
            let strides: Vec<i64> = (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect();
            let storage = storage("FloatStorage", numbers.len() as i64 / 4);
            let tensor = tensor(storage, at, &shape, &strides);
            at += data.len() as i64 / 4;
            (name.as_str(), tensor)
        })
        .collect();
    archive(&dictionary(&entries), &numbers)
}

/// A directory with the configuration and tokenizer of the small BERT model, and these files.
fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(fixtures().join("encoder/bert").join(name), dir.path().join(name)).unwrap();
    }
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn open(files: &[(&str, &[u8])]) -> Result<Model> {
    Model::masked_lm(&Checkpoint::open(directory(files).path())?)
}

fn fails(files: &[(&str, &[u8])]) -> String {
    open(files).err().unwrap().to_string()
}

fn same(model: &Model) -> bool {
    let want = Model::masked_lm(&Checkpoint::open(&fixtures().join("encoder/bert")).unwrap()).unwrap();
    want.parameters().all(|(name, _)| model.parameter(name) == want.parameter(name))
}

/// An index of two shards and the shards, the second with the rest.
fn sharded(extension: &str, write: fn(&Tensors) -> Vec<u8>) -> (String, [(String, Vec<u8>); 2]) {
    let mut first = bert();
    let second = first.split_off(20);
    let stem = if extension == "bin" { "pytorch_model" } else { "model" };
    let mut map = HashMap::new();
    let shards = [first, second].map(|tensors| (tensors.len(), tensors));
    let shards = shards.map(|(len, tensors)| {
        let name = format!("{stem}-{len:05}.{extension}");
        map.extend(tensors.iter().map(|(tensor, ..)| (tensor.clone(), name.clone())));
        (name, write(&tensors))
    });
    (serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": map }).to_string(), shards)
}

#[test]
fn a_model_is_the_same_from_every_form() {
    assert!(same(&open(&[("model.safetensors", &safetensors(&bert()))]).unwrap()));
    assert!(same(&open(&[("pytorch_model.bin", &torch(&bert()))]).unwrap()));
    let (index, [a, b]) = sharded("safetensors", safetensors);
    let files = [("model.safetensors.index.json", index.as_bytes()), (&a.0, &a.1), (&b.0, &b.1)];
    assert!(same(&open(&files).unwrap()));
    let (index, [a, b]) = sharded("bin", torch);
    let files = [("pytorch_model.bin.index.json", index.as_bytes()), (&a.0, &a.1), (&b.0, &b.1)];
    assert!(same(&open(&files).unwrap()));
}

#[test]
fn the_preferred_form_is_taken() {
    let (good, bad) = (safetensors(&bert()), b"nothing".as_slice());
    let rest = [
        ("model.safetensors.index.json", bad),
        ("pytorch_model.bin", bad),
        ("pytorch_model.bin.index.json", bad),
        ("tf_model.h5", bad),
    ];
    assert!(open(&[&[("model.safetensors", &good[..])], &rest[..]].concat()).is_ok());
    for i in 0..3 {
        assert!(fails(&rest[i..]).contains(&format!("/{}` is not usable", rest[i].0)));
    }
}

#[test]
fn shards_that_are_missing_or_lie_elsewhere_are_named() {
    let (index, [a, b]) = sharded("safetensors", safetensors);
    let error = fails(&[("model.safetensors.index.json", index.as_bytes()), (&a.0, &a.1)]);
    assert!(error.contains(&format!("`{}`", b.0)) && error.contains("missing"), "{error}");
    let error = fails(&[("model.safetensors.index.json", index.as_bytes()), (&a.0, &a.1), (&b.0, &a.1)]);
    assert!(error.contains(&format!("should be in `{}`", b.0)), "{error}");
    for elsewhere in ["../a", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "C:a"] {
        let index = serde_json::json!({ "weight_map": { "a": elsewhere } }).to_string();
        let error = fails(&[("model.safetensors.index.json", index.as_bytes())]);
        assert!(
            error.contains(&format!("the shard `{elsewhere}`")) && error.contains("beside it"),
            "{error}"
        );
    }
    for index in ["{}", "{\"weight_map\": {}}", "{\"weight_map\": {\"a\": 1}}"] {
        assert!(fails(&[("model.safetensors.index.json", index.as_bytes())]).contains("index.json"));
    }
}

#[test]
fn a_directory_without_weights_says_what_was_looked_for() {
    let error = fails(&[]);
    for name in
        ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin`", "pytorch_model.bin.index"]
    {
        assert!(error.contains(name), "{error}");
    }
    for name in ["tf_model.h5", "flax_model.msgpack", "model.onnx"] {
        let error = fails(&[(name, b"")]);
        assert!(error.contains(name) && error.contains("not supported: get `model.safetensors`"), "{error}");
    }
}

fn renamed(rename: impl Fn(&str) -> String) -> Tensors {
    bert().into_iter().map(|(name, dtype, shape, data)| (rename(&name), dtype, shape, data)).collect()
}

#[test]
fn names_of_other_years_and_makers_are_understood() {
    let legacy = |name: &str| {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    };
    for tensors in [
        renamed(legacy),
        renamed(|name| name.trim_start_matches("bert.").to_owned()),
        renamed(|name| format!("module.{name}")),
        renamed(|name| name.replace("cls.predictions.bias", "cls.predictions.decoder.bias")),
    ] {
        assert!(same(&open(&[("model.safetensors", &safetensors(&tensors))]).unwrap()));
    }
}

#[test]
fn two_names_of_one_tensor_are_refused() {
    let mut tensors = bert();
    let (name, dtype, shape, data) = tensors[0].clone();
    tensors.push((format!("module.{name}"), dtype, shape, data));
    let error = fails(&[("model.safetensors", &safetensors(&tensors))]);
    assert!(error.contains(&format!("`{name}` and `module.{name}` are the same tensor")), "{error}");
}

#[test]
fn tensors_that_no_model_asks_for_may_be_of_any_type() {
    let mut tensors = bert();
    tensors.push(("bert.embeddings.position_ids".into(), Dtype::I64, vec![1, 2], vec![0; 16]));
    assert!(same(&open(&[("model.safetensors", &safetensors(&tensors))]).unwrap()));
}

#[test]
fn doubles_are_narrowed_and_integers_refused() {
    let doubles = |data: Vec<u8>| {
        let wide = data.as_chunks::<4>().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes)));
        wide.flat_map(f64::to_le_bytes).collect()
    };
    let tensors = bert().into_iter().map(|(name, _, shape, data)| (name, Dtype::F64, shape, doubles(data)));
    assert!(same(&open(&[("model.safetensors", &safetensors(&tensors.collect()))]).unwrap()));
    let integers = bert().into_iter().map(|(name, _, shape, data)| (name, Dtype::I32, shape, data)).collect();
    let error = fails(&[("model.safetensors", &safetensors(&integers))]);
    assert!(error.contains("word_embeddings.weight`") && error.contains("I32"), "{error}");
}

#[test]
fn the_fingerprint_covers_every_file_of_the_weights() {
    let fingerprint =
        |files: &[(&str, &[u8])]| Checkpoint::open(directory(files).path()).unwrap().fingerprint().to_owned();
    let (index, [a, b]) = sharded("safetensors", safetensors);
    let changed = |bytes: &[u8]| [&bytes[..bytes.len() - 1], &[bytes[bytes.len() - 1] ^ 1]].concat();
    let with = |index: &str, a_bytes: &[u8], b_bytes: &[u8]| {
        fingerprint(&[("model.safetensors.index.json", index.as_bytes()), (&a.0, a_bytes), (&b.0, b_bytes)])
    };
    let all = [
        with(&index, &a.1, &b.1),
        with(&format!("{index} "), &a.1, &b.1),
        with(&index, &changed(&a.1), &b.1),
        with(&index, &a.1, &changed(&b.1)),
    ];
    assert_eq!(all[0], with(&index, &a.1, &b.1));
    for i in 1..4 {
        assert!(!all[..i].contains(&all[i]), "change {i}");
    }
}

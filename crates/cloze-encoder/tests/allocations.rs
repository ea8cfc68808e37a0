//! A step that was done before allocates nothing: its buffers are there, and no pass makes lists of its own.

use std::path::Path;

use cloze_encoder::{AdamW, Batch, Config, Device, Mode, Model, Sequence, Session, Vocab, loss};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[test]
fn a_warm_step_allocates_nothing() {
    let profiler = dhat::Profiler::builder().testing().build();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder");
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(json) = std::fs::read(folder.join("config.json")) else { continue };
        let config = Config::from_json(&json).unwrap().with_dropout(0.1);
        for threads in [1, 2] {
            let device = Device::new(threads);
            let labels: Vec<String> = ["no", "yes"].map(String::from).into();
            let mut masked = Session::new(Model::untrained(config.clone(), 1), &device);
            let mut classifier = Session::new(Model::untrained_classifier(&config, &labels, 1), &device);
            let mut batch = Batch::new();
            for len in [40, 7, 64, 21] {
                let ids = (0..len).map(|i| 5 + i as u32 * 3).collect();
                batch.push(&Sequence { ids, type_ids: vec![0; len] });
            }
            let rows: Vec<u32> = (0..batch.len()).map(|i| batch.index(i, 2)).collect();
            let adamw = AdamW::default();
            let train = Mode::Train { dropout_seed: 7 };
            let mut step = || {
                let logits = masked.mask_logits(&batch, &rows, Vocab::Subset(&[5, 6]), train);
                loss::cross_entropy(&device, logits, &[0, 1, 0, 1], 1.0);
                masked.backward_in_place();
                let logits = masked.mask_logits(&batch, &rows, Vocab::All, train);
                loss::cross_entropy(&device, logits, &[8, 9, 10, 11], 1.0);
                masked.backward_in_place();
                masked.update(&adamw);
                masked.mask_logits(&batch, &rows, Vocab::Subset(&[5, 6]), Mode::Predict);
                let logits = classifier.class_logits(&batch, train);
                loss::distillation(logits, &[1.0, 0.0, 0.5, 2.0, 3.0, -1.0, 0.0, 0.0], 2, 2.0);
                classifier.backward_in_place();
                classifier.update(&adamw);
            };
            // Inside the pool, for entering it from outside puts an entry into a queue that grows at times.
            let during = device.run(|| {
                let mut five = || {
                    let before = dhat::HeapStats::get().total_blocks;
                    (0..5).for_each(|_| step());
                    dhat::HeapStats::get().total_blocks - before
                };
                // A thread makes room for itself when work of a kind first comes to it, which may take a while.
                (0..100).map(|_| five()).find(|blocks| *blocks == 0).unwrap_or_else(five)
            });
            assert_eq!(during, 0, "{}, {threads} threads", folder.display());
        }
    }
    drop(profiler);
}

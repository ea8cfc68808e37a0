//! Learning while a person labels: a committee of small heads that is fitted again within milliseconds of
//! every label.
//!
//! Fine-tuning takes half a minute, and a person who labels needs a suggestion for the next text at once. So
//! the pretrained model reads every text once, with each of a few patterns, and what it says there is kept:
//! the hidden state at the mask, and the mean of all hidden states ([`Extractor`], [`Features`]). On each of
//! these views a ridge classifier is fitted to the labels given so far ([`Committee`]). Before there are
//! labels, the labels' words at the mask answer alone (zero-shot), and the heads learn what the words do not
//! say. Where the members disagree, a label teaches most (query by committee; Seung, Opper and Sompolinsky,
//! 1992).
//!
//! ```no_run
//! # fn main() -> cloze::Result<()> {
//! use cloze::labelling::{Answers, Committee, Extractor, patterns};
//! use cloze::{Model, cloze_encoder::Device};
//!
//! let (columns, labels) = (vec!["text".to_owned()], vec!["billing".to_owned(), "technical".to_owned()]);
//! let model = Model::open("models/bert-base-uncased")?;
//! let patterns = patterns(&columns, &labels, 0.0);
//! let mut extractor = Extractor::new(&model, &patterns, &columns, &Device::all_cores())?;
//! let rows = [["my invoice is wrong"], ["the app crashes"], ["I was charged twice"]];
//! let mut features = extractor.features();
//! features.add(&extractor.read(&rows)?);
//! features.settle();
//! let words = extractor.words(&labels.iter().map(|name| (name.as_str(), "")).collect::<Vec<_>>());
//! let prior = words.map(|words| extractor.prior(&features, &words)).transpose()?;
//! let mut committee = Committee::new(Answers::One);
//! // Row 0 has label 0, row 1 has label 1.
//! let fitted = committee.fit(&features, prior.as_ref(), 2, &[(0, vec![0]), (1, vec![1])]);
//! println!("{:?}", fitted.opinion(&features, prior.as_ref(), 2).probabilities);
//! # Ok(())
//! # }
//! ```

mod committee;
mod extractor;
mod features;
mod inverse;
mod order;
mod texts;

pub use self::committee::{Answers, Committee, Fitted, Opinion};
pub use self::extractor::{Extractor, patterns};
pub use self::features::{Features, Prior};
pub use self::order::Order;
pub use self::texts::{TextRow, Texts};

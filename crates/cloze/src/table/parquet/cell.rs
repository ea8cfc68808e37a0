//! Values of Parquet as JSON, and as the text of a cell.

use std::fmt::Debug;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, downcast_integer_array};
use arrow_schema::{DataType, TimeUnit};
use serde_json::{Map, Value};

/// Why a value cannot be read, and the remedy.
#[derive(Debug)]
pub(in crate::table) struct Fault {
    pub(in crate::table) problem: String,
    pub(in crate::table) remedy: &'static str,
}

/// Whether values of a type are read.
pub(in crate::table) fn is_readable(kind: &DataType) -> bool {
    match kind {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => is_readable(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_readable(field.data_type())),
        DataType::Dictionary(_, values) => is_readable(values),
        DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::Union(..)
        | DataType::RunEndEncoded(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => false,
        _ => true,
    }
}

/// A value as text, as it would be in JSON Lines: nothing for null, and lists and structs as JSON.
pub(super) fn text(array: &dyn Array, index: usize) -> Result<String, Fault> {
    Ok(match value(array, index)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    })
}

/// A value as JSON: decimals, dates and times as text, the latter in the format of ISO 8601.
///
/// # Errors
/// When bytes are not text, a date is out of range, or a map has a key twice.
pub(in crate::table) fn value(array: &dyn Array, index: usize) -> Result<Value, Fault> {
    use DataType::*;
    if array.is_null(index) {
        return Ok(Value::Null);
    }
    macro_rules! primitive {
        ($kind:ty) => {
            array.as_primitive::<$kind>()
        };
    }
    match array.data_type() {
        Null => Ok(Value::Null),
        Boolean => Ok(array.as_boolean().value(index).into()),
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => Ok(integer(array, index)),
        Float16 => Ok(float(primitive!(Float16Type).value(index).to_f32())),
        Float32 => Ok(float(primitive!(Float32Type).value(index))),
        Float64 => Ok(float(primitive!(Float64Type).value(index))),
        Decimal32(..) => Ok(primitive!(Decimal32Type).value_as_string(index).into()),
        Decimal64(..) => Ok(primitive!(Decimal64Type).value_as_string(index).into()),
        Decimal128(..) => Ok(primitive!(Decimal128Type).value_as_string(index).into()),
        Decimal256(..) => Ok(primitive!(Decimal256Type).value_as_string(index).into()),
        Utf8 => string(array.as_string::<i32>().value(index).as_bytes()),
        LargeUtf8 => string(array.as_string::<i64>().value(index).as_bytes()),
        Utf8View => string(array.as_string_view().value(index).as_bytes()),
        Binary => string(array.as_binary::<i32>().value(index)),
        LargeBinary => string(array.as_binary::<i64>().value(index)),
        BinaryView => string(array.as_binary_view().value(index)),
        FixedSizeBinary(_) => string(array.as_fixed_size_binary().value(index)),
        Date32 => moment(primitive!(Date32Type).value_as_date(index), ""),
        Date64 => moment(primitive!(Date64Type).value_as_datetime(index), ""),
        Time32(TimeUnit::Millisecond) => moment(primitive!(Time32MillisecondType).value_as_time(index), ""),
        Time32(_) => moment(primitive!(Time32SecondType).value_as_time(index), ""),
        Time64(TimeUnit::Nanosecond) => moment(primitive!(Time64NanosecondType).value_as_time(index), ""),
        Time64(_) => moment(primitive!(Time64MicrosecondType).value_as_time(index), ""),
        Timestamp(unit, zone) => {
            let shown = match unit {
                TimeUnit::Second => primitive!(TimestampSecondType).value_as_datetime(index),
                TimeUnit::Millisecond => primitive!(TimestampMillisecondType).value_as_datetime(index),
                TimeUnit::Microsecond => primitive!(TimestampMicrosecondType).value_as_datetime(index),
                TimeUnit::Nanosecond => primitive!(TimestampNanosecondType).value_as_datetime(index),
            };
            // With a zone, the instant is stored in UTC.
            moment(shown, if zone.is_some() { "Z" } else { "" })
        }
        List(_) => list(&array.as_list::<i32>().value(index)),
        LargeList(_) => list(&array.as_list::<i64>().value(index)),
        FixedSizeList(..) => list(&array.as_fixed_size_list().value(index)),
        Struct(fields) => {
            let members = fields.iter().zip(array.as_struct().columns());
            object(members.map(|(field, member)| Ok((field.name().clone(), value(member, index)?))))
        }
        Map(..) => {
            let entries = array.as_map().value(index);
            let (keys, values) = (entries.column(0), entries.column(1));
            object((0..entries.len()).map(|entry| Ok((text(keys, entry)?, value(values, entry)?))))
        }
        Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = integer(dictionary.keys(), index).as_u64().and_then(|key| usize::try_from(key).ok());
            match key.filter(|&key| key < dictionary.values().len()) {
                Some(key) => value(dictionary.values(), key),
                None => Err(Fault {
                    problem: "the value is not in its dictionary".into(),
                    remedy: "get the file again; it was damaged",
                }),
            }
        }
        other => Err(Fault {
            problem: format!("values of the type {other} are not read"),
            remedy: "write the column as text",
        }),
    }
}

/// A whole number; null for anything else.
fn integer(array: &dyn Array, index: usize) -> Value {
    downcast_integer_array!(
        array => array.value(index).into(),
        _ => Value::Null
    )
}

/// The shortest decimal number that is this one. JSON has no number for `NaN` and infinity, so they become text.
fn float(number: impl Debug) -> Value {
    let shown = format!("{number:?}");
    let parsed = shown.parse::<f64>().ok().filter(|number| number.is_finite());
    parsed.map_or(Value::String(shown), Value::from)
}

fn string(bytes: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| Fault {
        problem: format!("the bytes are not UTF-8 text: byte 0x{:02x}", bytes[error.valid_up_to()]),
        remedy: "write the column as text, or leave it out",
    })?;
    match text.contains('\0') {
        true => Err(Fault { problem: "the text holds a zero byte".into(), remedy: "write it without" }),
        false => Ok(text.into()),
    }
}

/// A date or a time, in whose `Debug` format chrono writes ISO 8601.
fn moment(shown: Option<impl Debug>, zone: &str) -> Result<Value, Fault> {
    let shown = shown.ok_or_else(|| Fault {
        problem: "the date or time is out of range".into(),
        remedy: "correct it, or write the column as text",
    })?;
    Ok(format!("{shown:?}{zone}").into())
}

fn list(items: &dyn Array) -> Result<Value, Fault> {
    (0..items.len()).map(|item| value(items, item)).collect()
}

fn object(members: impl Iterator<Item = Result<(String, Value), Fault>>) -> Result<Value, Fault> {
    let mut object = Map::new();
    for member in members {
        let (name, value) = member?;
        if object.contains_key(&name) {
            let problem = format!("the key `{name}` occurs twice");
            return Err(Fault { problem, remedy: "remove one, or give it another name" });
        }
        object.insert(name, value);
    }
    Ok(Value::Object(object))
}

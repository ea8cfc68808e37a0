//! Nested rows, and paths into JSON.

use serde_json::Value;

use crate::error::list;
use crate::table::Row;
use crate::{Error, Result};

/// The items of every innermost row, as the index of the item in each of `lists`, outermost first. Without
/// lists, the row itself is the only item.
///
/// # Errors
/// When a list is missing.
pub(super) fn innermost(root: &Value, lists: &[Vec<String>], row: &Row) -> Result<Vec<Vec<usize>>> {
    let mut found = vec![Vec::new()];
    for list in lists {
        let mut items = Vec::new();
        for outer in found {
            let count = match lookup(root, list, lists, &outer) {
                Ok(Value::Array(found)) => found.len(),
                Ok(Value::Null) => 0,
                Ok(_) => {
                    return Err(Error::data(
                        row.place().field(list.join(".")),
                        "this is no list, and `rows` in the task file says it is",
                        "correct the row, or `rows`",
                    ));
                }
                Err(there) => return Err(missing(row, list, there)),
            };
            items.extend((0..count).map(|item| [&outer[..], &[item]].concat()));
        }
        found = items;
    }
    Ok(found)
}

/// The value at the end of `path`, which begins with the name of the column whose JSON `root` is; in each of
/// `lists`, it follows the item in `items`. If there is no such value, the error is the last value on the
/// path.
pub(super) fn lookup<'v>(
    root: &'v Value,
    path: &[String],
    lists: &[Vec<String>],
    items: &[usize],
) -> std::result::Result<&'v Value, &'v Value> {
    let mut value = root;
    for len in 1..=path.len() {
        if len > 1 {
            value = value.get(&path[len - 1]).ok_or(value)?;
        }
        let list = lists.iter().take(items.len()).position(|list| list[..] == path[..len]);
        if let Some(item) = list.and_then(|list| items.get(list)) {
            value = value.get(item).ok_or(value)?;
        }
    }
    Ok(value)
}

/// The error for a path that does not exist in a row; `there` is the last value on the path.
pub(super) fn missing(row: &Row, path: &[String], there: &Value) -> Error {
    let remedy = match there {
        Value::Object(object) => format!("the keys there are {}", list(object.keys())),
        Value::Array(_) => "there is a list; name it in `rows` of `[data]` if its items are rows".to_owned(),
        _ => "there is no object".to_owned(),
    };
    Error::data(row.place(), format!("there is no `{}` in the row", path.join(".")), remedy)
}

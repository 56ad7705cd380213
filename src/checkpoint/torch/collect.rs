//! The tensors in an object, under their names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::pickle::{Id, Pickle, Value, brief};
use super::tensor::Tensor;
use super::{Source, storage_error};
use crate::checkpoint::{Error, Tensors};

/// How deeply dictionaries and lists may be nested; a generator with its parts nests four deep.
const DEPTH_LIMIT: usize = 32;

/// The most values that are looked at. What is shared is met again under every name.
const VISIT_LIMIT: usize = 1 << 20;

/// The most tensors, under all their names; the largest network of interest has a few hundred.
const TENSOR_LIMIT: usize = 1 << 16;

/// The longest name, with its dots.
const NAME_LIMIT_BYTES: usize = 256;

/// How many times the length of the file all tensors together may take: tensors that share their
/// storage are written once, but read each for itself.
const SHARING_LIMIT: u64 = 4;

/// Reads the tensors below the root of a pickle from their storages.
pub(super) fn collect(
    path: &Path,
    pickle: &Pickle,
    file_bytes: u64,
    source: &mut impl Source,
) -> Result<Tensors, Error> {
    if !matches!(pickle.root(), Value::Dict(_)) {
        return Err(Error::malformed(path, "the pickle", "is no dictionary"));
    }
    let mut walk = Walk {
        path,
        pickle,
        visits_left: VISIT_LIMIT,
        ancestors: Vec::new(),
        name: String::new(),
        names: BTreeSet::new(),
        by_storage: BTreeMap::new(),
    };
    walk.visit(pickle.root_id())?;

    let mut tensors = Tensors::new();
    let mut tensor_bytes_left = SHARING_LIMIT.saturating_mul(file_bytes);
    let mut storage_bytes_left = file_bytes;
    let spend = |left: &mut u64, bytes: usize| {
        *left = left.checked_sub(bytes as u64).ok_or_else(|| {
            Error::truncated(path, "its tensors, which would be larger than the file")
        })?;
        Ok::<_, Error>(())
    };
    for (key, views) in walk.by_storage {
        for (_, tensor) in &views {
            spend(&mut tensor_bytes_left, tensor.bytes)?;
        }
        let storage = pickle.storages.get(key).copied();
        let storage = storage.ok_or_else(|| storage_error(path, key, "is missing"))?;
        // Storages lie side by side, so together they are no larger than the file.
        spend(&mut storage_bytes_left, storage.bytes())?;
        let elements = storage.numbers.to_f32(&source.storage(key, storage)?);
        for (name, tensor) in views {
            let array = tensor.array(&elements).ok_or_else(|| {
                let field = format!("the tensor `{name}`");
                Error::malformed(path, field, "has an impossible shape")
            })?;
            tensors.insert(name, array);
        }
    }
    Ok(tensors)
}

struct Walk<'p, 'a> {
    path: &'p Path,
    pickle: &'p Pickle<'a>,
    visits_left: usize,
    /// The containers around the current value.
    ancestors: Vec<Id>,
    /// Keys on the way to the current value.
    name: String,
    names: BTreeSet<String>,
    by_storage: BTreeMap<&'a str, Vec<(String, &'p Tensor<'a>)>>,
}

impl<'p, 'a> Walk<'p, 'a> {
    fn visit(&mut self, id: Id) -> Result<(), Error> {
        self.visits_left = self.visits_left.checked_sub(1).ok_or_else(|| {
            let problem = format!("holds more than {VISIT_LIMIT} values");
            Error::unsupported(self.path, "the pickle", problem)
        })?;
        let pickle = self.pickle;
        match pickle.value(id) {
            Value::Tensor(tensor) => self.keep(tensor),
            Value::Dict(entries) => {
                self.enter(id)?;
                for &(key, value) in entries {
                    match pickle.value(key) {
                        Value::Text(key) => self.visit_under(key, value)?,
                        Value::Int(key) => self.visit_under(&key.to_string(), value)?,
                        // No name leads there, and no network keeps its weights there.
                        _ => {}
                    }
                }
                self.ancestors.pop();
                Ok(())
            }
            Value::Sequence(values) => {
                self.enter(id)?;
                for (index, &value) in values.iter().enumerate() {
                    self.visit_under(&index.to_string(), value)?;
                }
                self.ancestors.pop();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, id: Id) -> Result<(), Error> {
        if self.ancestors.contains(&id) {
            let problem = format!("contains itself (at `{}`)", self.name);
            return Err(Error::malformed(self.path, "the pickle", problem));
        }
        if self.ancestors.len() == DEPTH_LIMIT {
            let problem = format!("is nested more than {DEPTH_LIMIT} deep");
            return Err(Error::unsupported(self.path, "the pickle", problem));
        }
        self.ancestors.push(id);
        Ok(())
    }

    fn visit_under(&mut self, key: &str, value: Id) -> Result<(), Error> {
        if !matches!(
            self.pickle.value(value),
            Value::Dict(_) | Value::Sequence(_) | Value::Tensor(_)
        ) {
            return Ok(());
        }
        let length = self.name.len();
        if length + 1 + key.len() > NAME_LIMIT_BYTES {
            let field = format!("the key `{}`", brief(key));
            return Err(Error::unsupported(
                self.path,
                field,
                "makes a name too long",
            ));
        }
        if length > 0 {
            self.name.push('.');
        }
        self.name.push_str(key);
        self.visit(value)?;
        self.name.truncate(length);
        Ok(())
    }

    fn keep(&mut self, tensor: &'p Tensor<'a>) -> Result<(), Error> {
        if !self.names.insert(self.name.clone()) {
            let problem = format!("has two tensors named `{}`", self.name);
            return Err(Error::malformed(self.path, "the pickle", problem));
        }
        if self.names.len() > TENSOR_LIMIT {
            let problem = format!("names more than {TENSOR_LIMIT} tensors");
            return Err(Error::unsupported(self.path, "the pickle", problem));
        }
        let views = self.by_storage.entry(tensor.storage).or_default();
        views.push((self.name.clone(), tensor));
        Ok(())
    }
}

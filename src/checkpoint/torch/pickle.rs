//! Pickles read as data.
//!
//! A pickle is a program for a stack machine; running it as Python does would call whatever it
//! names. This machine only builds values. It knows the opcodes that protocols 2 to 5 write for
//! state dicts, and the few Python objects in [`Global`]; all others are refused by name where they
//! are mentioned, called or not.
//!
//! Values lie in one list and refer to each other by index, so what a file shares is shared here and
//! nothing is ever copied: memory and time are proportional to the length of the pickle, whatever
//! it holds. Opcodes: `Lib/pickletools.py` of CPython.

mod input;
mod opcode;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use self::input::Input;
use self::opcode::Opcode;
use super::tensor::{Storage, Tensor, storage_numbers};
use crate::checkpoint::{Error, Numbers};

/// The most values in a pickle: a hundred times those of the largest network of interest.
const VALUE_LIMIT: usize = 1 << 20;

/// What a machine yields.
pub(super) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Id,
    /// The storages that tensors lie on, by key.
    pub(super) storages: BTreeMap<&'a str, Storage>,
    /// Bytes that were read.
    pub(super) length: usize,
}

/// Where a value lies.
pub(super) type Id = usize;

/// A Python value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// A value that no tensor depends on: `None`, a float, bytes, a huge integer.
    Other,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    /// A list, tuple or set.
    Sequence(Vec<Id>),
    /// Also an `OrderedDict`. Keys in the order of the file.
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// A storage and its key.
    Storage(&'a str),
    Tensor(Box<Tensor<'a>>),
}

/// The Python objects that a file may mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor`, `_rebuild_tensor_v2`: storage, offset, shape, strides, and
    /// what matters for training.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`, `torch.nn.parameter.Parameter`: a tensor, and what matters
    /// for training.
    Parameter,
    /// `torch.FloatStorage` and its like.
    StorageOf(Numbers),
}

impl Global {
    fn named(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") | ("torch.nn.parameter", "Parameter") => {
                Some(Self::Parameter)
            }
            ("torch", name) => storage_numbers(name).map(Self::StorageOf),
            _ => None,
        }
    }
}

impl<'a> Pickle<'a> {
    /// Reads the pickle at the beginning of `bytes`; `path` and `field` are only for messages.
    pub(super) fn read(path: &'a Path, field: &'a str, bytes: &'a [u8]) -> Result<Self, Error> {
        Machine {
            input: Input {
                path,
                field,
                bytes,
                at: 0,
            },
            values: Vec::new(),
            values_left: VALUE_LIMIT,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            storages: BTreeMap::new(),
        }
        .run()
    }

    pub(super) fn root(&self) -> &Value<'a> {
        self.value(self.root)
    }

    pub(super) fn root_id(&self) -> Id {
        self.root
    }

    pub(super) fn value(&self, id: Id) -> &Value<'a> {
        // Every index comes from the machine that made the list, which never shrinks.
        self.values.get(id).unwrap_or(&Value::Other)
    }

    /// The value of a text key of a dictionary.
    pub(super) fn entry(&self, dict: &Value<'a>, key: &str) -> Option<&Value<'a>> {
        let Value::Dict(entries) = dict else {
            return None;
        };
        let is_key = |id: Id| matches!(self.value(id), Value::Text(text) if *text == key);
        let entry = entries.iter().rev().find(|(own, _)| is_key(*own));
        entry.map(|(_, value)| self.value(*value))
    }
}

struct Machine<'a> {
    input: Input<'a>,
    values: Vec<Value<'a>>,
    values_left: usize,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    storages: BTreeMap<&'a str, Storage>,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<Pickle<'a>, Error> {
        loop {
            let [byte] = self.input.array()?;
            let opcode = Opcode::of(byte).map_err(|name| {
                let problem = format!("uses the opcode {name} at byte {}", self.input.at - 1);
                self.input.unsupported(problem)
            })?;
            if opcode == Opcode::Stop {
                break;
            }
            self.step(opcode)?;
        }
        let root = self.pop()?;
        Ok(Pickle {
            values: self.values,
            root,
            storages: self.storages,
            length: self.input.at,
        })
    }

    fn step(&mut self, opcode: Opcode) -> Result<(), Error> {
        match opcode {
            Opcode::Stop => Ok(()),
            Opcode::Proto => match self.input.array()? {
                [2..=5] => Ok(()),
                [version] => Err(self.input.unsupported(format!("is of protocol {version}"))),
            },
            // A frame only tells how much to read ahead.
            Opcode::Frame => self.input.array::<8>().map(drop),
            Opcode::None => self.push(Value::Other),
            Opcode::NewTrue => self.push(Value::Bool(true)),
            Opcode::NewFalse => self.push(Value::Bool(false)),
            Opcode::BinInt | Opcode::BinInt1 | Opcode::BinInt2 | Opcode::Long1 | Opcode::Long4 => {
                let value = self.input.integer(opcode)?;
                self.push(value)
            }
            Opcode::BinFloat => {
                self.input.array::<8>()?;
                self.push(Value::Other)
            }
            Opcode::ShortBinString
            | Opcode::BinString
            | Opcode::ShortBinUnicode
            | Opcode::BinUnicode
            | Opcode::BinUnicode8 => {
                let value = self.input.text(opcode)?;
                self.push(value)
            }
            Opcode::ShortBinBytes | Opcode::BinBytes | Opcode::BinBytes8 | Opcode::ByteArray8 => {
                let length = self.input.length(opcode)?;
                self.input.take(length)?;
                self.push(Value::Other)
            }
            Opcode::Mark => {
                self.marks.push(self.stack.len());
                self.spend(1)
            }
            Opcode::EmptyTuple | Opcode::EmptyList | Opcode::EmptySet => {
                self.push(Value::Sequence(Vec::new()))
            }
            Opcode::EmptyDict => self.push(Value::Dict(Vec::new())),
            Opcode::Tuple | Opcode::List | Opcode::FrozenSet => {
                let items = self.pop_to_mark()?;
                self.push(Value::Sequence(items))
            }
            Opcode::Tuple1 => self.tuple(1),
            Opcode::Tuple2 => self.tuple(2),
            Opcode::Tuple3 => self.tuple(3),
            Opcode::Dict => {
                let entries = self.pop_to_mark()?;
                self.push(Value::Dict(Vec::new()))?;
                self.set_items(&entries)
            }
            Opcode::Append => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            Opcode::Appends | Opcode::AddItems => {
                let items = self.pop_to_mark()?;
                self.append(items)
            }
            Opcode::SetItem => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(&[key, value])
            }
            Opcode::SetItems => {
                let entries = self.pop_to_mark()?;
                self.set_items(&entries)
            }
            Opcode::Pop => self.pop().map(drop),
            Opcode::PopMark => self.pop_to_mark().map(drop),
            Opcode::Dup => {
                let id = self.top()?;
                self.push_id(id)
            }
            Opcode::BinPut | Opcode::LongBinPut | Opcode::Memoize => {
                let slot = self.slot(opcode)?;
                let id = self.top()?;
                self.memo.insert(slot, id);
                self.spend(1)
            }
            Opcode::BinGet | Opcode::LongBinGet => {
                let slot = self.slot(opcode)?;
                match self.memo.get(&slot) {
                    Some(&id) => self.push_id(id),
                    None => Err(self.wrong(format!("recalls value {slot} before it has one"))),
                }
            }
            Opcode::Global => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.global(module, name)
            }
            Opcode::StackGlobal => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.value(module), self.value(name)) {
                    (&Value::Text(module), &Value::Text(name)) => self.global(module, name),
                    _ => Err(self.wrong("names a Python object by something else than text")),
                }
            }
            Opcode::Reduce | Opcode::NewObj => self.call(),
            Opcode::Build => {
                self.pop()?;
                // Of these types, the state holds nothing but what matters for training.
                let object = self.top()?;
                match self.value(object) {
                    Value::Dict(_) | Value::Tensor(_) => Ok(()),
                    _ => Err(self.wrong("sets the state of a value that has none")),
                }
            }
            Opcode::BinPersId => {
                let description = self.pop()?;
                self.storage(description)
            }
        }
    }

    // Objects

    fn global(&mut self, module: &str, name: &str) -> Result<(), Error> {
        match Global::named(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => Err(Error::RefusedGlobal {
                path: self.input.path.to_owned(),
                global: brief(&format!("{module}.{name}")),
            }),
        }
    }

    /// What Python would get by calling the object below the arguments on the stack.
    fn call(&mut self) -> Result<(), Error> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let (&Value::Global(global), Value::Sequence(arguments)) =
            (self.value(callable), self.value(arguments))
        else {
            return Err(self.wrong("calls a value that is no function"));
        };
        match (global, arguments.as_slice()) {
            (Global::OrderedDict, []) => self.push(Value::Dict(Vec::new())),
            (Global::OrderedDict, &[pairs]) => {
                let entries = self.pairs(pairs)?;
                self.spend(entries.len())?;
                self.push(Value::Dict(entries))
            }
            (Global::RebuildTensor, &[storage, offset, shape, strides, ..]) => {
                let tensor = self.tensor(storage, offset, shape, strides)?;
                self.push(Value::Tensor(Box::new(tensor)))
            }
            (Global::Parameter, &[tensor, ..])
                if matches!(self.value(tensor), Value::Tensor(_)) =>
            {
                self.push_id(tensor)
            }
            _ => Err(self.wrong(format!("calls {global:?} with arguments that do not fit"))),
        }
    }

    fn pairs(&self, pairs: Id) -> Result<Vec<(Id, Id)>, Error> {
        let Value::Sequence(pairs) = self.value(pairs) else {
            return Err(self.wrong("makes a dictionary of something else than pairs"));
        };
        let pair = |&id: &Id| match self.value(id) {
            Value::Sequence(pair) => <[Id; 2]>::try_from(pair.as_slice()).ok(),
            _ => None,
        };
        let entries: Option<Vec<_>> = pairs
            .iter()
            .map(|id| pair(id).map(|[key, value]| (key, value)))
            .collect();
        entries.ok_or_else(|| self.wrong("makes a dictionary of something else than pairs"))
    }

    fn tensor(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Result<Tensor<'a>, Error> {
        let numbers = |id: Id| match self.value(id) {
            Value::Sequence(numbers) if numbers.len() <= Tensor::MAX_RANK => {
                numbers.iter().map(|&id| self.count(id)).collect()
            }
            _ => None,
        };
        let parts = match self.value(storage) {
            &Value::Storage(key) => self.storages.get(key).map(|storage| (key, *storage)),
            _ => None,
        };
        let tensor = parts.and_then(|(key, storage)| {
            Tensor::new(
                key,
                storage,
                self.count(offset)?,
                numbers(shape)?,
                numbers(strides)?,
            )
        });
        tensor.ok_or_else(|| self.wrong("describes a tensor that does not fit its storage"))
    }

    /// `('storage', type, key, device, number of elements)`, and `None` in older files.
    fn storage(&mut self, description: Id) -> Result<(), Error> {
        let Value::Sequence(fields) = self.value(description) else {
            return Err(self.wrong("refers to something else than a storage"));
        };
        let &[tag, kind, key, _, count, ref view @ ..] = fields.as_slice() else {
            return Err(self.wrong("refers to something else than a storage"));
        };
        if !matches!(self.value(tag), Value::Text("storage")) {
            return Err(self.wrong("refers to something else than a storage"));
        }
        if view
            .iter()
            .any(|id| !matches!(self.value(*id), Value::Other))
        {
            let problem = "describes a storage that is a part of another one";
            return Err(self.input.unsupported(problem));
        }
        let (&Value::Global(Global::StorageOf(numbers)), &Value::Text(key), Some(count)) =
            (self.value(kind), self.value(key), self.count(count))
        else {
            return Err(self.wrong("describes a storage without type, key or length"));
        };
        let storage = Storage::new(numbers, count)
            .ok_or_else(|| self.wrong("describes a storage of an impossible length"))?;
        if *self.storages.entry(key).or_insert(storage) != storage {
            return Err(self.wrong(format!(
                "describes the storage `{}` in two ways",
                brief(key)
            )));
        }
        self.push(Value::Storage(key))
    }

    // The stack

    fn value(&self, id: Id) -> &Value<'a> {
        self.values.get(id).unwrap_or(&Value::Other)
    }

    fn count(&self, id: Id) -> Option<usize> {
        match *self.value(id) {
            Value::Int(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }

    /// Counts what takes memory.
    fn spend(&mut self, values: usize) -> Result<(), Error> {
        match self.values_left.checked_sub(values) {
            Some(left) => {
                self.values_left = left;
                Ok(())
            }
            None => Err(self
                .input
                .unsupported(format!("has more than {VALUE_LIMIT} values"))),
        }
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), Error> {
        self.values.push(value);
        self.push_id(self.values.len() - 1)
    }

    fn push_id(&mut self, id: Id) -> Result<(), Error> {
        self.stack.push(id);
        self.spend(1)
    }

    /// The value on top, unless a mark is above it.
    fn top(&self) -> Result<Id, Error> {
        match self.stack.last() {
            Some(&id) if self.marks.last() != Some(&self.stack.len()) => Ok(id),
            _ => Err(self.wrong("takes a value that is not there")),
        }
    }

    fn pop(&mut self) -> Result<Id, Error> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Error> {
        match self.marks.pop() {
            // `top` keeps the stack at least as high as the last mark.
            Some(mark) => Ok(self.stack.split_off(mark.min(self.stack.len()))),
            None => Err(self.wrong("takes values up to a mark that is not there")),
        }
    }

    fn tuple(&mut self, count: usize) -> Result<(), Error> {
        let mut items = (0..count)
            .map(|_| self.pop())
            .collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        self.push(Value::Sequence(items))
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), Error> {
        let id = self.top()?;
        match self.values.get_mut(id) {
            Some(Value::Sequence(list)) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(self.wrong("appends to a value that is no list")),
        }
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), Error> {
        let id = self.top()?;
        let (entries, []) = items.as_chunks::<2>() else {
            return Err(self.wrong("gives a dictionary a key without a value"));
        };
        match self.values.get_mut(id) {
            Some(Value::Dict(dict)) => {
                dict.extend(entries.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err(self.wrong("sets an item of a value that is no dictionary")),
        }
    }

    fn slot(&mut self, opcode: Opcode) -> Result<u32, Error> {
        Ok(match opcode {
            Opcode::BinGet | Opcode::BinPut => u8::from_le_bytes(self.input.array()?).into(),
            Opcode::Memoize => u32::try_from(self.memo.len()).unwrap_or(u32::MAX),
            _ => u32::from_le_bytes(self.input.array()?),
        })
    }

    fn wrong(&self, problem: impl Into<String>) -> Error {
        self.input.wrong(problem)
    }
}

/// The beginning of a text, for messages.
pub(super) fn brief(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

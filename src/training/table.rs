use std::path::Path;

use super::Error;

/// A table of numbers with named columns, read from CSV (no quoting; commas; the first line names the
/// columns).
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl Table {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// [`Error::Read`], or what [`parse`](Self::parse) refuses.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a table from the text of a CSV file. Empty lines are skipped.
    ///
    /// # Errors
    /// [`Error::Table`] for a missing header, a line of another width, or what is not a number.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        let Some((_, header)) = lines.next() else {
            return Err(Error::Table {
                line: 1,
                reason: "should name the columns, but the table is empty".into(),
            });
        };
        let names: Vec<String> = header
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        let mut columns = vec![Vec::new(); names.len()];
        for (index, text) in lines {
            let refuse = |reason| Error::Table {
                line: index + 1,
                reason,
            };
            let width = text.split(',').count();
            if width != names.len() {
                return Err(refuse(format!(
                    "has {width} values, the header has {}",
                    names.len()
                )));
            }
            for (column, value) in columns.iter_mut().zip(text.split(',')) {
                let value = value.trim();
                column.push(
                    value
                        .parse()
                        .map_err(|_| refuse(format!("holds {value:?}, which is not a number")))?,
                );
            }
        }
        Ok(Self { names, columns })
    }

    /// The values of a column, from the first row to the last.
    ///
    /// # Errors
    /// [`Error::NoColumn`].
    pub fn column(&self, name: &str) -> Result<&[f64], Error> {
        self.names
            .iter()
            .position(|candidate| candidate == name)
            .and_then(|index| self.columns.get(index))
            .map(Vec::as_slice)
            .ok_or_else(|| Error::NoColumn(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_by_name() {
        let table = Table::parse("portrait, yaw\n0,-0.5\n\n1,2e1\n").unwrap();
        assert_eq!(table.column("yaw").unwrap(), [-0.5, 20.0]);
        assert_eq!(table.column("portrait").unwrap(), [0.0, 1.0]);
        assert!(matches!(table.column("roll"), Err(Error::NoColumn(name)) if name == "roll"));
    }

    #[test]
    fn faults_are_told_with_their_line() {
        let line = |text| match Table::parse(text) {
            Err(Error::Table { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line(""), 1);
        assert_eq!(line("a,b\n1,2\n3\n"), 3);
        assert_eq!(line("a,b\n\n1,x\n"), 3);
    }
}

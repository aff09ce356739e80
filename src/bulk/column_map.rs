//! The columns of a table to which the fields of a file belong.

use crate::types::ColumnSpec;

/// Name of the column for the write time of a row, in microseconds.
pub(super) const TIMESTAMP: &str = "[timestamp]";

/// Name of the column for the time to live of a row, in seconds.
pub(super) const TTL: &str = "[ttl]";

/// The names of fields that differ from the names of their columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames(Vec<(String, String)>);

impl Renames {
    /// Returns the names in arguments of the form `FIELD=COLUMN`. A field whose column is empty is skipped.
    ///
    /// # Errors
    /// Returns an error if an argument has another form, or if a field occurs twice.
    pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut renames: Vec<(String, String)> = Vec::new();
        for argument in arguments {
            let Some((field, column)) =
                argument.rsplit_once('=').filter(|(field, _)| !field.is_empty())
            else {
                return Err(format!("{argument:?} does not have the form FIELD=COLUMN"));
            };
            if renames.iter().any(|(known, _)| known == field) {
                return Err(format!("field {field:?} has two columns"));
            }
            renames.push((field.to_owned(), column.to_owned()));
        }
        Ok(Self(renames))
    }

    /// Returns the names of the columns of the renamed fields.
    pub fn targets(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|(_, column)| column.as_str())
    }

    /// Returns true if a field is renamed or skipped.
    pub fn contains(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| name == field)
    }

    /// Returns the index in `columns` of the column for a field, or `Ok(None)` if the field is skipped. Without a
    /// rename, the field has the name of its column in this case, or else in lower case.
    ///
    /// # Errors
    /// Returns an error if there is no such column.
    pub fn column(&self, field: &str, columns: &[ColumnSpec]) -> Result<Option<usize>, String> {
        let position = |name: &str| columns.iter().position(|column| &*column.name == name);
        match self.0.iter().find(|(name, _)| name == field) {
            Some((_, column)) if column.is_empty() => Ok(None),
            Some((_, column)) => match position(column) {
                Some(index) => Ok(Some(index)),
                None => Err(format!("--map {field}={column}: {}", no_column(column, columns))),
            },
            None => match position(field).or_else(|| position(&field.to_lowercase())) {
                Some(index) => Ok(Some(index)),
                None => {
                    // The names of `unload --writetime` and `--ttl`.
                    let column = match field.split_once('(') {
                        Some(("writetime", _)) => TIMESTAMP,
                        Some(("ttl", _)) => TTL,
                        _ => "COLUMN",
                    };
                    Err(format!(
                        "{}; use --map {field}={column}, or --map {field}= to skip the field",
                        no_column(field, columns)
                    ))
                }
            },
        }
    }

    /// Returns the indexes of the columns for the fields of a record. Skipped fields have none.
    ///
    /// # Errors
    /// Returns an error if there is no column for a field, or if two fields have the same column.
    pub fn columns<'a>(
        &self,
        fields: impl IntoIterator<Item = &'a str>,
        columns: &[ColumnSpec],
    ) -> Result<Vec<Option<usize>>, String> {
        let mut indexes: Vec<Option<usize>> = Vec::new();
        for field in fields {
            let index = self.column(field, columns)?;
            if index.is_some() && indexes.contains(&index) {
                return Err(format!("two fields are for the column of field {field:?}"));
            }
            indexes.push(index);
        }
        match indexes.iter().any(Option::is_some) {
            true => Ok(indexes),
            false => Err("no field has a column".to_owned()),
        }
    }
}

fn no_column(name: &str, columns: &[ColumnSpec]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    format!("there is no column {name:?} among {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NativeType;

    fn columns() -> [ColumnSpec; 3] {
        ["id", "name", "Name"].map(|name| ColumnSpec::new("ks", "t", name, NativeType::Text))
    }

    #[test]
    fn fields_have_the_column_of_their_name_or_of_their_rename() {
        let renames = Renames::parse(["key=id", "note="]).unwrap();
        let indexes = |fields: &[&str]| renames.columns(fields.iter().copied(), &columns());
        assert_eq!(indexes(&["Name", "key", "note"]), Ok(vec![Some(2), Some(0), None]));
        assert_eq!(indexes(&["NAME", "ID"]), Ok(vec![Some(1), Some(0)]));
        let error = indexes(&["city"]).unwrap_err();
        assert_eq!(
            error,
            "there is no column \"city\" among id, name, Name; \
             use --map city=COLUMN, or --map city= to skip the field"
        );
        assert!(indexes(&["id", "key"]).is_err());
        assert!(indexes(&["note"]).is_err());
        let wrong = Renames::parse(["key=ID"]).unwrap();
        assert!(wrong.column("key", &columns()).is_err());
    }

    #[test]
    fn renames_have_a_field_and_a_column() {
        assert!(Renames::parse(["a"]).is_err());
        assert!(Renames::parse(["=a"]).is_err());
        assert!(Renames::parse(["a=b", "a=c"]).is_err());
        assert_eq!(Renames::parse(["a=b=c"]).unwrap(), Renames(vec![("a=b".into(), "c".into())]));
    }
}

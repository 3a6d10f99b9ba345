//! What stands in the way of an import, in words for the clerk who mends the register.

use crate::mapping::Role;
use crate::place::{Column, Place, RowNumber};

/// Why a register's rows are not taken. One problem stops the import as a whole: half a register would call machines
/// unknown that are in the other half. What stands in a cell that may be a person's is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A mapping made for another header.
    #[error(
        "the mapping was made for another header than that of row {header_row}: map the columns anew"
    )]
    OtherHeader {
        /// The row of the header.
        header_row: RowNumber,
    },
    /// A mapping with a column that the register has not, or twice.
    #[error(
        "the mapping names column {column}, which is not there or named twice: correct the mapping"
    )]
    BadColumn {
        /// The column.
        column: Column,
    },
    /// Nothing tells assets apart.
    #[error("no column is mapped as serial number or asset number: say which is")]
    NoKey,
    /// Two columns for what each asset has once.
    #[error("columns {first} and {second} are both mapped as {role}: set one of them to ignored")]
    RoleTwice {
        /// The role.
        role: Role,
        /// The first column with it.
        first: Column,
        /// The second.
        second: Column,
    },
    /// No asset below the header.
    #[error(
        "there is no asset below the header in row {header_row}: check that this is the right sheet"
    )]
    NoRows {
        /// The row of the header.
        header_row: RowNumber,
    },
    /// A CSV row that ends before a column that is kept.
    #[error(
        "row {row} has {n_cells} cells and ends before column {needed}: a cell may be broken over two lines; mend it, \
         or save the register as XLSX"
    )]
    Short {
        /// The row.
        row: RowNumber,
        /// How many cells it has.
        n_cells: usize,
        /// The first column that is missing.
        needed: Column,
    },
    /// A CSV row with more cells than the header.
    #[error(
        "row {row} has {n_cells} cells, the header {n_headers}: a separator may stand inside of a cell without \
         quotation marks; mend it, or save the register as XLSX"
    )]
    Long {
        /// The row.
        row: RowNumber,
        /// How many cells it has.
        n_cells: usize,
        /// How many the header has.
        n_headers: usize,
    },
    /// An asset without a number.
    #[error(
        "row {row} has neither serial nor asset number: add one, or delete the row if it is no asset"
    )]
    Nameless {
        /// The row.
        row: RowNumber,
    },
    /// Two assets with one number.
    #[error(
        "rows {first} and {second} have the same {role} {number:?}: one of them is wrong, or the same asset again"
    )]
    Twice {
        /// Serial or asset number.
        role: Role,
        /// The number.
        number: String,
        /// The first row with it.
        first: RowNumber,
        /// The next one.
        second: RowNumber,
    },
    /// A number of which the spreadsheet program has cut off digits.
    #[error(
        "{place}: the spreadsheet program has cut digits off the {role}, it shows {shown:?}: format the column as text \
         and type the number again"
    )]
    LostDigits {
        /// Where.
        place: Place,
        /// Of what.
        role: Role,
        /// What is left.
        shown: String,
    },
    /// A formula where a number belongs, as of `#N/A` or `=B2`.
    #[error(
        "{place}: the {role} {shown:?} is a formula or the error of one: type the number itself"
    )]
    Formula {
        /// Where.
        place: Place,
        /// Of what.
        role: Role,
        /// What stands there.
        shown: String,
    },
    /// A number longer than any.
    #[error(
        "{place}: the {role} has {n_chars} characters, more than {max}: check that the column is the right one"
    )]
    TooLong {
        /// Where.
        place: Place,
        /// Of what.
        role: Role,
        /// How many it has.
        n_chars: usize,
        /// How many it may have.
        max: usize,
    },
    /// An amount that is none, or could be two.
    #[error("{place}: {shown:?} is no amount that can be read one way only: write it as 1234,56")]
    BadValue {
        /// Where.
        place: Place,
        /// What stands there.
        shown: String,
    },
    /// A person's data in a column that is kept.
    #[error(
        "{place}: the {role} holds {what}, which must not be kept: delete it, or set the column to ignored"
    )]
    Personal {
        /// Where.
        place: Place,
        /// The column's role.
        role: Role,
        /// What it is.
        what: PersonalData,
    },
}

/// What can be told to be a person's beyond doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalData {
    /// An e-mail address.
    MailAddress,
    /// The number of the Polish population register.
    Pesel,
}

impl std::fmt::Display for PersonalData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::MailAddress => "an e-mail address",
            Self::Pesel => "a PESEL number",
        })
    }
}

//! What a register may be large. A town's has some thousand rows of twenty columns; what goes far beyond is no
//! register, or was made to exhaust the coordinator's memory.

/// The longest file, in bytes.
pub const MAX_FILE_LEN: usize = 32 << 20;
/// What a workbook may unpack to, in bytes: all its parts together.
pub const MAX_UNPACKED_LEN: u64 = 64 << 20;
/// Parts in a workbook.
pub const MAX_PARTS: usize = 2_000;
/// XML tags in a workbook: each may cost its reader an allocation, however short it is.
pub const MAX_TAGS: u64 = 6_000_000;
/// The last row that may hold anything.
pub const MAX_ROWS: u32 = 100_000;
/// The last column that may hold anything.
pub const MAX_COLUMNS: u32 = 1_000;
/// Cells that hold something, or that a reader would make room for.
pub const MAX_CELLS: u64 = 1_000_000;
/// All text of all cells, in bytes: a shared string costs a workbook a few bytes each time it is used.
pub const MAX_TEXT_LEN: u64 = 64 << 20;
/// The text of one cell, in bytes.
pub const MAX_CELL_LEN: usize = 4_000;
/// The first this many rows are searched for the header.
pub const MAX_TITLE_ROWS: usize = 40;

//! Where the kernel's views of the machine are: `/sys`, `/proc` and `/dev`, or a capture of them.

use std::path::Path;

pub(crate) use drive::Roots;

/// The views inside a directory that holds a capture: `DIR/sys`, `DIR/proc`, `DIR/dev`.
pub(crate) fn captured(directory: &Path) -> Roots {
    Roots { sys: directory.join("sys"), proc: directory.join("proc"), dev: directory.join("dev") }
}

//! The extents of a partition while they are found, window by window.

use osimage::{Content, Extent};

/// Grows from the partition's start to its end, joining what is alike.
#[derive(Debug, Default)]
pub(super) struct ExtentList {
    extents: Vec<Extent>,
    end: u64,
}

impl ExtentList {
    /// The next bytes, up to `end`, hold zeros or nothing, or one chunk. An empty range adds nothing.
    pub(super) fn push_to(&mut self, end: u64, content: Content) {
        let length = end - self.end;
        if length == 0 {
            return;
        }
        match (self.extents.last_mut(), content) {
            (
                Some(Extent { length: so_far, content: Content::Data(chunks), .. }),
                Content::Data(more),
            ) => {
                *so_far += length;
                chunks.extend(more);
            }
            (Some(last), content) if last.content == content => last.length += length,
            (_, content) => self.extents.push(Extent { offset: self.end, length, content }),
        }
        self.end = end;
    }

    /// What was found, with each chunk's slot replaced by its position in the chunk table.
    pub(super) fn finish(mut self, table_position: &[u32]) -> Vec<Extent> {
        let slots = self.extents.iter_mut().filter_map(|extent| match &mut extent.content {
            Content::Data(chunks) => Some(chunks),
            Content::Zero | Content::Unused => None,
        });
        for slot in slots.flatten() {
            *slot = table_position[usize::try_from(*slot).unwrap_or(usize::MAX)];
        }
        self.extents
    }
}

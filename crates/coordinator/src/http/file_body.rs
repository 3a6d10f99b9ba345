//! A file, or a part of it, on its way: never more of it in memory than the client is about to take.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use crate::metrics::Counted;

/// So much is read at a time, in bytes.
pub(super) const BLOCK_LEN: usize = 64 * 1024;

/// The rest of a file from where it stands, up to a length.
#[derive(Debug)]
pub(super) struct FileBody {
    file: File,
    /// Still to be sent, in bytes.
    left: u64,
    block: Vec<u8>,
    /// Counts what was sent.
    sent: Counted,
}

impl FileBody {
    /// The next `len` bytes of `file`, counted by `sent`.
    pub(super) fn new(mut file: File, len: u64, sent: Counted) -> Self {
        file.set_max_buf_size(BLOCK_LEN);
        Self { file, left: len, block: Vec::new(), sent }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let want = usize::try_from(this.left).unwrap_or(BLOCK_LEN).min(BLOCK_LEN);
        this.block.resize(want, 0);
        let mut unread = ReadBuf::new(&mut this.block);
        ready!(Pin::new(&mut this.file).poll_read(context, &mut unread))?;
        let got = unread.filled().len();
        if got == 0 {
            // The length is announced already; the client sees that the rest is missing.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        let mut block = std::mem::take(&mut this.block);
        block.truncate(got);
        this.left -= got as u64;
        this.sent.add(got as u64);
        Poll::Ready(Some(Ok(Frame::data(block.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    /// Exact: what makes the answer carry its length.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

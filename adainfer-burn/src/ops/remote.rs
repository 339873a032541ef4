use burn_std::id::StreamId;

use super::Ops;
use crate::backend::Remote;

/// The one queue that all work for servers goes through. burn gives each thread its own, counted from 0.
const QUEUE: StreamId = StreamId { value: u64::MAX };

impl Ops for Remote {
    /// A server takes up the queues of a client's threads in no order: what one thread computed another
    /// could ask for too soon.
    fn in_order<R>(work: impl FnOnce() -> R) -> R {
        QUEUE.executes(work)
    }
}

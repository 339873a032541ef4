use super::Ops;
use super::queue::QUEUE;
use crate::backend::Remote;

impl Ops for Remote {
    /// A server takes up the queues of a client's threads in no order: what one thread computed another
    /// could ask for too soon.
    fn in_order<R>(work: impl FnOnce() -> R) -> R {
        QUEUE.executes(work)
    }
}

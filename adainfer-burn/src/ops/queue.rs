use burn_std::id::StreamId;

/// The one queue that all of a program's work for a backend goes through. burn gives each thread its own, counted
/// from 0.
pub(super) const QUEUE: StreamId = StreamId { value: u64::MAX };

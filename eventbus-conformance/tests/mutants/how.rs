//! The ways in which a transport can break its contract.

/// What a mutant does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// Nothing.
    Well,
    // Publishing.
    /// The third message is dropped, and answered with `Ok`.
    LosesTheThird,
    /// What is answered with `Unknown`, and perhaps stored, is told as `Failed`.
    TellsUnknownAsFailed,
    /// The answers come in the reverse order.
    AnswersInReverse,
    /// One refusal refuses the whole batch, of which the rest is stored.
    RefusesAllForOne,
    /// A batch is stored in the reverse order.
    ReversesBatches,
    /// `try_publish` stores, and leaves the slots full.
    LeavesSlotsFull,
    /// `try_publish` empties the slot of what it refuses.
    EmptiesRefusedSlots,
    /// What one group refuses is given to another one.
    GivesRefusedToOthers,
    /// `not_before` is lost.
    ForgetsNotBefore,
    /// Delayed messages come an hour late.
    DelaysTooLong,
    /// The key is lost.
    ForgetsKeys,
    /// Ids are not kept.
    ForgetsIds,
    /// An id is kept for ever.
    KeepsIds,
    /// Messages of more than a kilobyte fail.
    TakesLessThanItSays,
    /// A batch of more than five messages fails behind the fifth.
    TakesSmallBatchesOnly,
    /// After `close` messages are answered with `Ok`.
    TakesAfterClose,
    /// An error shows the message.
    ShowsPayloads,
    // Groups and storage.
    /// What was stored is gone when the storage is opened again.
    ForgetsBetweenProcesses,
    /// Capabilities change.
    ChangesItsCapabilities,
    /// New groups begin now, whatever they ask for.
    IgnoresStart,
    /// Groups have no bound.
    IgnoresBounds,
    /// `ready` never ends.
    NeverReady,
    /// A group counts one message too many.
    CountsDepthWrong,
    /// A group gets everything.
    HandsOutWhatIsNotWanted,
    /// A group that is opened again wants what it wanted at first.
    KeepsOldWants,
    /// Each `subscribe` makes a group of its own.
    MakesGroupsTwice,
    /// `remove_group` says that it has, and has not.
    RemovesNothing,
    // Reading.
    /// Each message is leased twice.
    LeasesTwice,
    /// One message more than `max`.
    HandsOutMoreThanMax,
    /// An empty group is closed.
    ClosesWhenEmpty,
    /// What cannot be read stops the source.
    StopsAtMalformed,
    /// What a `next` has leased is lost when it is dropped.
    LosesWithDroppedNext,
    /// `next` holds its thread.
    HoldsItsThread,
    /// `next` waits as long as another group has leases.
    WaitsForOtherGroups,
    /// After an error of `next` nothing comes any more.
    EndsAtErrors,
    /// Errors of `next` are not told.
    HidesErrors,
    /// Deliveries are counted twice.
    CountsDeliveriesTwice,
    // Sources.
    /// `Source::close` does nothing.
    ForgetsClose,
    /// What is settled after `Source::close` is dropped.
    DropsSettlementsAfterClose,
    /// It reads ahead, and keeps that for itself when it is closed.
    KeepsWhatItReadAhead,
    /// `Source::close` removes the group.
    RemovesGroupsOnClose,
    /// `Source::close` gives leases to others that are not settled.
    TakesLeasesAwayOnClose,
    // Settling.
    /// `Done` is taken for `Release`.
    HandsOutDoneAgain,
    /// What is given back is done.
    ForgetsWhatIsGivenBack,
    /// Attempts are lost.
    ForgetsAttempts,
    /// `Release` counts as an attempt.
    CountsReleases,
    /// What is given back comes last.
    GivesBackToTheEnd,
    /// `after` is zero.
    IgnoresAfter,
    /// `try_settle` takes nothing.
    TriesNoSettling,
    /// `settle` returns all as lost if one is.
    LosesNeighbours,
    /// `extend` does nothing.
    ExtendsNothing,
    /// Leases do not run out.
    ExtendsForEver,
    // Dead letters.
    /// `Dead` is taken for `Done`.
    LosesLetters,
    /// Each page is the first one.
    RepeatsPages,
    /// Letters do not end.
    EndsNoLetters,
    /// A message is delivered again to all groups.
    RedeliversToAll,
}

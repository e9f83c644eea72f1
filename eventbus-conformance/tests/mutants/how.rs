//! The ways in which a transport can break its contract.

/// What a mutant does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// Nothing.
    Well,
    // Publishing.
    /// The third message is dropped, and answered with `Ok`.
    LosesTheThird,
    /// It answers `Failed` for a message that it may have stored, where `Unknown` is right.
    TellsUnknownAsFailed,
    /// The answers come in the reverse order.
    AnswersInReverse,
    /// One refusal refuses the whole batch, of which the rest is stored.
    RefusesAllForOne,
    /// A batch is stored in the reverse order.
    ReversesBatches,
    /// It says that two batches may be under way, and stores the first of them last.
    OvertakesBatches,
    /// `try_publish` stores, and leaves the slots full.
    LeavesSlotsFull,
    /// `try_publish` empties the slot of what it refuses.
    EmptiesRefusedSlots,
    /// It gives a message to one group although another group refuses it.
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
    /// It forgets its messages when the storage is opened again.
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
    /// Its source stops at a message that cannot be read.
    StopsAtMalformed,
    /// It loses the messages that a dropped `next` had leased.
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
    /// It ignores settlements that come after `Source::close`.
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
    /// It takes `Release` for `Done`.
    ForgetsWhatIsGivenBack,
    /// Attempts are lost.
    ForgetsAttempts,
    /// `Release` counts as an attempt.
    CountsReleases,
    /// It puts messages that are given back behind the new ones.
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
    /// What may have ended its processes comes together.
    SuspectsNothing,
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

//! The suite fails where it should: for every property there is a transport that breaks one clause, and the property says which.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

#[path = "../common/mod.rs"]
mod common;
mod how;
mod source;
mod transport;

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use eventbus_conformance::{Property, PropertyOutcome, Rig, check, properties};

use how::How;
use transport::Mutants;

/// Over what a mutant lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Over {
    Memory,
    Broker,
}
use Over::{Broker, Memory};

/// A mutant, over what, the property that finds it, and the clause that this names.
const MUTANTS: &[(How, Over, &str, &str)] = &[
    // Publishing.
    (How::LosesTheThird, Memory, "ok_reaches_every_group_that_wants_it", "T1"),
    (How::ForgetsKeys, Memory, "a_message_comes_as_it_was_published", "T1"),
    (How::ForgetsBetweenProcesses, Broker, "what_was_taken_outlives_the_process", "T1"),
    (How::AnswersInReverse, Memory, "each_message_of_a_batch_has_its_own_answer", "T2"),
    (How::AnswersInReverse, Broker, "what_is_refused_alone_leaves_its_neighbours", "T2"),
    (How::RefusesAllForOne, Memory, "each_message_of_a_batch_has_its_own_answer", "T2"),
    (How::GivesRefusedToOthers, Memory, "each_message_of_a_batch_has_its_own_answer", "T6"),
    (How::RefusesAllForOne, Broker, "what_is_refused_alone_leaves_its_neighbours", "T2"),
    (How::TellsUnknownAsFailed, Broker, "what_has_failed_is_not_there", "T3"),
    (How::LeavesSlotsFull, Memory, "try_publish_empties_what_it_took_and_nothing_else", "T5"),
    (How::EmptiesRefusedSlots, Memory, "a_refusal_in_the_middle_leaves_the_rest_of_a_batch", "T5"),
    (How::IgnoresStart, Broker, "a_new_group_reads_what_was_there_before", "T10"),
    (How::ReversesBatches, Memory, "order_is_kept_within_batches_and_between_them", "T4"),
    (How::OvertakesBatches, Memory, "order_is_kept_within_batches_and_between_them", "T4"),
    (How::ForgetsNotBefore, Memory, "a_message_is_not_handed_out_before_its_time", "T7"),
    (How::DelaysTooLong, Memory, "a_message_is_not_handed_out_before_its_time", "T7"),
    // Bounds.
    (How::ChangesItsCapabilities, Memory, "capabilities_do_not_change_and_fit_together", "S30"),
    (How::TakesSmallBatchesOnly, Broker, "the_largest_batch_is_taken", "T1"),
    (How::IgnoresBounds, Memory, "a_bound_holds_by_each_policy_that_is_declared", "S30"),
    (How::NeverReady, Memory, "room_is_told_to_those_who_wait_for_it", "S30"),
    (How::CountsDepthWrong, Memory, "groups_count_what_waits_and_what_is_leased", "S30"),
    // Reading.
    (How::LeasesTwice, Memory, "a_message_is_leased_to_one_source_at_a_time", "T10"),
    (How::LeasesTwice, Broker, "leases_of_a_source_have_names_of_their_own", "T20"),
    (How::HandsOutMoreThanMax, Memory, "a_source_hands_out_no_more_than_max", "T13"),
    (How::ClosesWhenEmpty, Memory, "an_empty_group_is_no_closed_group", "T12"),
    (How::StopsAtMalformed, Broker, "what_is_no_message_does_not_stop_the_rest", "T14"),
    (How::LosesWithDroppedNext, Memory, "a_dropped_next_loses_nothing", "T16"),
    (How::LosesTheThird, Memory, "many_publishers_and_many_readers_lose_nothing", "T1"),
    (How::HandsOutWhatIsNotWanted, Memory, "a_group_gets_only_what_it_wants", "T11"),
    (How::HandsOutWhatIsNotWanted, Memory, "many_names_do_not_mix", "T11"),
    (How::KeepsOldWants, Broker, "a_group_that_wants_something_else_gets_it_from_then_on", "T11"),
    (How::MakesGroupsTwice, Memory, "a_group_that_is_opened_by_many_at_once_is_one", "S24"),
    (How::RemovesNothing, Memory, "a_group_that_is_removed_ends_its_reader", "S23"),
    // Sources.
    (How::ForgetsClose, Memory, "a_closed_source_says_so_again_and_again", "T12"),
    (How::ForgetsClose, Memory, "close_ends_a_next_that_waits", "T12"),
    (How::DropsSettlementsAfterClose, Memory, "settling_goes_on_after_close", "T22"),
    (How::KeepsWhatItReadAhead, Memory, "what_a_closed_source_has_read_ahead_goes_to_others", "M11"),
    (How::RemovesGroupsOnClose, Memory, "reading_goes_on_over_sources_that_are_opened_again", "T10"),
    (How::RemovesGroupsOnClose, Memory, "sources_that_open_and_close_at_once_lose_nothing", "T10"),
    // Settling.
    (How::HandsOutDoneAgain, Memory, "done_is_final", "T21"),
    (How::HandsOutDoneAgain, Broker, "done_is_final", "T21"),
    (How::HandsOutDoneAgain, Memory, "each_lease_of_a_batch_ends_as_it_says", "T21"),
    (How::ForgetsWhatIsGivenBack, Memory, "each_lease_of_a_batch_ends_as_it_says", "T22"),
    (How::HandsOutDoneAgain, Broker, "done_is_final_for_the_next_process_too", "T21"),
    (How::ForgetsWhatIsGivenBack, Memory, "release_comes_back_at_once_with_the_same_attempts", "T22"),
    (How::CountsReleases, Memory, "release_comes_back_at_once_with_the_same_attempts", "T22"),
    (How::GivesBackToTheEnd, Memory, "what_is_given_back_comes_before_what_is_new", "T15"),
    (How::ForgetsAttempts, Memory, "again_comes_back_with_its_attempts", "T22"),
    (How::IgnoresAfter, Memory, "again_comes_back_not_before_its_time", "T22"),
    (How::IgnoresAfter, Broker, "again_comes_back_not_before_its_time", "T22"),
    (How::TriesNoSettling, Memory, "what_try_settle_is_told_is_taken_where_leases_stay", "T25"),
    (How::TakesLeasesAwayOnClose, Memory, "a_lease_that_is_not_settled_stays_out", "T25"),
    (How::CountsDeliveriesTwice, Memory, "deliveries_count_the_hand_outs", "T26"),
    (How::CountsDeliveriesTwice, Broker, "what_a_dead_process_had_comes_again", "T26"),
    (How::ForgetsBetweenProcesses, Broker, "what_a_dead_process_had_comes_again", "T25"),
    // Leases.
    (How::ExtendsForEver, Broker, "a_lease_that_is_not_extended_runs_out", "T10"),
    (How::ExtendsNothing, Broker, "a_lease_that_is_extended_does_not_run_out", "T10"),
    (How::LosesNeighbours, Broker, "a_lost_lease_is_no_error_of_its_neighbours", "T24"),
    (How::ExtendsForEver, Broker, "what_a_process_that_hangs_had_goes_to_another", "T10"),
    (How::SuspectsNothing, Broker, "what_has_run_out_twice_is_handed_out_alone", "T27"),
    // Dead letters.
    (How::LosesLetters, Broker, "dead_is_a_letter_and_an_end", "T23"),
    (How::RepeatsPages, Broker, "letters_come_in_pages_oldest_first", "T23"),
    (How::EndsNoLetters, Broker, "a_letter_is_replayed_or_discarded_once", "T23"),
    (How::ForgetsBetweenProcesses, Broker, "letters_outlive_the_process", "T23"),
    (How::RedeliversToAll, Memory, "a_message_is_delivered_to_one_group_again", "T10"),
    // All methods.
    (How::HoldsItsThread, Memory, "waiting_holds_no_thread", "T30"),
    (How::ShowsPayloads, Memory, "errors_show_neither_payloads_nor_passwords", "T32"),
    (How::TakesAfterClose, Memory, "everything_may_be_called_after_close", "T33"),
    // Through a bus.
    (How::LosesTheThird, Memory, "what_many_publish_is_handled_once_in_each_group", "T10"),
    (How::LosesTheThird, Memory, "handlers_of_each_event_get_their_own", "T11"),
    (How::ForgetsKeys, Memory, "a_handler_gets_the_event_and_its_message", "T1"),
    (How::ForgetsIds, Memory, "an_event_that_comes_again_within_its_window_is_refused", "T8"),
    (How::KeepsIds, Memory, "a_refusal_does_not_lengthen_the_window", "T8"),
    (How::WaitsForOtherGroups, Memory, "a_slow_group_does_not_delay_another", "S27"),
    (How::ForgetsNotBefore, Memory, "a_delayed_event_is_handled_when_its_time_has_come", "T7"),
    (How::TakesLessThanItSays, Broker, "an_event_that_is_too_large_is_refused_before_it_is_sent", "S30"),
    (How::IgnoresBounds, Memory, "an_event_that_finds_no_room_is_handed_back", "T2"),
    (How::LosesTheThird, Memory, "what_fails_is_tried_again_and_the_rest_goes_on", "S4"),
    (How::ForgetsAttempts, Memory, "attempts_are_counted_over_consumers", "T22 S18"),
    (How::LosesLetters, Broker, "the_last_failure_is_one_dead_letter", "S19"),
    (How::EndsNoLetters, Broker, "a_dead_letter_is_replayed_or_discarded", "T23"),
    (How::LosesTheThird, Memory, "an_event_that_cannot_be_decoded_does_not_stop_the_rest", "S20"),
    (How::LosesTheThird, Memory, "a_handler_that_panics_is_tried_again", "S25"),
    (How::ReversesBatches, Memory, "the_order_of_a_key_is_kept_among_many_workers", "T4"),
    (How::ReversesBatches, Memory, "a_key_waits_for_its_own_first_and_for_nobody_else", "S5"),
    (How::LosesTheThird, Broker, "the_order_of_a_key_is_kept_among_processes", "S9"),
    (How::ForgetsWhatIsGivenBack, Memory, "a_handler_is_told_when_it_is_to_end", "T22"),
    (How::ForgetsWhatIsGivenBack, Memory, "a_stopped_consumer_leaves_the_rest_to_the_next", "T22"),
    (How::ForgetsWhatIsGivenBack, Memory, "a_shutdown_with_a_handler_that_hangs_ends_in_time", "S26"),
    (How::ForgetsBetweenProcesses, Broker, "the_next_process_handles_what_the_last_one_has_left", "S6"),
    (How::ExtendsNothing, Broker, "a_handler_of_three_leases_runs_once", "S17"),
    (How::LosesTheThird, Broker, "a_restart_loses_nothing_that_was_taken", "T1"),
    (How::EndsAtErrors, Broker, "a_line_that_is_cut_and_mended_is_read_on", "M10"),
    (How::HidesErrors, Broker, "a_group_that_has_vanished_is_made_again_and_told_once", "T17"),
];

fn property(name: &str) -> &'static Property {
    properties().find(|property| property.name == name).unwrap_or_else(|| panic!("no property `{name}`"))
}

fn outcome(how: How, over: Over, name: &str) -> PropertyOutcome {
    let rig: Arc<dyn Rig> = Arc::new(Mutants::new(how, over == Broker));
    check(property(name), &rig)
}

/// Does something for each, eight at a time: most of the time they wait. Gives what it says.
fn each<T: Sync>(all: &[T], work: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let (next, said) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(text) = work(one) {
                        said.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    said.into_inner().unwrap()
}

#[test]
fn a_transport_that_breaks_a_clause_is_found_by_the_property_of_that_clause() {
    let wrong = each(MUTANTS, |&(how, over, name, clauses)| {
        let outcome = outcome(how, over, name);
        let is_found = match &outcome {
            PropertyOutcome::Broken(broken) => {
                clauses.split(' ').any(|clause| broken.clause.split(", ").any(|own| own == clause))
            }
            _ => false,
        };
        (!is_found).then(|| format!("{how:?} over {over:?}: {name} should break {clauses}, and is {outcome:?}"))
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_same_transport_without_the_fault_keeps_every_clause() {
    let all: BTreeSet<_> = MUTANTS.iter().map(|(_, over, name, _)| (*over, *name)).collect();
    let all: Vec<_> = all.into_iter().collect();
    let wrong = each(&all, |&(over, name)| match outcome(How::Well, over, name) {
        PropertyOutcome::Passed => None,
        // Neither skipped: the mutant would prove nothing.
        other => Some(format!("{name} over {over:?}: {other:?}")),
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_property_can_fail() {
    let can_fail = |property: &&Property| MUTANTS.iter().any(|(_, _, name, _)| *name == property.name);
    let missing: Vec<_> = properties().filter(|property| !can_fail(property)).map(|property| property.name).collect();
    assert!(missing.is_empty(), "no mutant for {missing:?}");
}

#[test]
fn every_clause_that_a_transport_can_break_is_broken() {
    const CONTRACT: &str = include_str!("../../../eventbus-core/src/transport/clauses.md");
    // The one binds the bus, the other is a permission.
    const CANNOT: [&str; 2] = ["T31", "M20"];
    let bold = CONTRACT.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**"));
    let all: Vec<_> = bold.map(|(clause, _)| clause).filter(|clause| !clause.starts_with('B')).collect();
    assert!(all.len() > 25, "{all:?}");
    let broken: BTreeSet<_> = MUTANTS.iter().flat_map(|(_, _, _, clauses)| clauses.split(' ')).collect();
    let missing: Vec<_> =
        all.into_iter().filter(|clause| !broken.contains(clause) && !CANNOT.contains(clause)).collect();
    assert!(missing.is_empty(), "no mutant breaks {missing:?}");
}

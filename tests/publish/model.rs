//! Random sequences, on the memory transport and on a bus, against a plain `VecDeque`.

use std::{collections::VecDeque, sync::Arc, task::Poll, time::Duration};

use eventbus::{
    Bus, Consumer, Overflow, PublishError, Retry,
    transport::{GroupSpec, Leased, Memory, Message, Read, Refusal, Settlement, Source, Transport},
};
use proptest::prelude::*;

use crate::support::{HOUR, Job, Log, assert_balanced, current_thread, poll_once, scaled, yield_a_lot};

const CAPACITY: usize = 3;

fn policy() -> impl Strategy<Value = Overflow> {
    prop::sample::select(vec![Overflow::Wait, Overflow::Fail, Overflow::DropOldest, Overflow::DropNewest])
}

/// What is known of a queue.
#[derive(Default, Debug)]
struct Queue {
    /// Id, attempts.
    waiting: VecDeque<(u64, u32)>,
    created: u64,
    dropped: u64,
}

impl Queue {
    /// Whether it is taken; `Err` says whether waiting helps.
    fn offer(&mut self, id: u64, policy: Overflow) -> Result<(), bool> {
        // Given back, there may be more than the bound.
        while self.waiting.len() >= CAPACITY {
            match policy {
                Overflow::Wait => return Err(true),
                Overflow::Fail => return Err(false),
                Overflow::DropOldest => _ = self.waiting.pop_front(),
                _ => {
                    self.created += 1;
                    self.dropped += 1;
                    return Ok(());
                }
            }
            self.dropped += 1;
        }
        self.created += 1;
        self.waiting.push_back((id, 0));
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish,
    Next(usize),
    Ack(usize),
    Nack(usize, u32),
    Reopen,
    Requeue,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Publish),
        3 => (0..4_usize).prop_map(Step::Next),
        2 => (0..4_usize).prop_map(Step::Ack),
        2 => (0..4_usize, 0..5_u32).prop_map(|(at, attempts)| Step::Nack(at, attempts)),
        1 => Just(Step::Reopen),
        1 => Just(Step::Requeue),
    ]
}

fn message(id: u64) -> Message {
    Message::from_attributes([("type", "job")], id.to_string().into_bytes()).unwrap()
}

fn id_of(message: &Message) -> u64 {
    std::str::from_utf8(&message.data().unwrap()).unwrap().parse().unwrap()
}

fn told(result: Result<(), Refusal>) -> Result<(), bool> {
    match result {
        Ok(()) => Ok(()),
        Err(Refusal::Full { wait, .. }) => Err(wait),
        Err(other) => panic!("{other:?}"),
    }
}

async fn open(memory: &Memory) -> Arc<dyn Source> {
    memory.subscribe(GroupSpec::new("group")).await.unwrap()
}

async fn transport_agrees(policy: Overflow, steps: Vec<Step>) {
    let memory = Memory::new().capacity(CAPACITY).overflow(policy);
    let mut source = open(&memory).await;
    let (mut queue, mut next_id) = (Queue::default(), 0);
    let mut held: Vec<Leased> = Vec::new();
    for step in steps {
        match step {
            Step::Publish => {
                next_id += 1;
                let expected = queue.offer(next_id, policy);
                assert_eq!(told(memory.try_publish(&mut [Some(message(next_id))])), expected);
                assert_eq!(
                    poll_once(&mut memory.ready()).is_pending(),
                    queue.waiting.len() >= CAPACITY && policy == Overflow::Wait
                );
            }
            Step::Requeue => {
                next_id += 1;
                let is_full = queue.waiting.len() >= CAPACITY && matches!(policy, Overflow::Wait | Overflow::Fail);
                let Poll::Ready(result) = poll_once(&mut memory.redeliver("group", message(next_id))) else {
                    panic!("it waits")
                };
                assert_eq!(told(result).is_err(), is_full);
                if !is_full {
                    // A replay is not lost to a policy.
                    queue.created += 1;
                    queue.waiting.push_back((next_id, 0));
                }
            }
            Step::Next(max) => {
                let count = queue.waiting.len().min(max);
                let mut leased = Vec::new();
                assert_eq!(source.try_next(max, &mut leased), Some(Read::Batch));
                let expected: Vec<_> = queue.waiting.drain(..count).collect();
                let got: Vec<_> = leased.iter().map(|one| (id_of(one.message()), one.attempts())).collect();
                assert_eq!(got, expected);
                held.append(&mut leased);
            }
            Step::Ack(at) if at < held.len() => {
                let mut done = held.remove(at);
                done.settle_as(Settlement::Done);
                assert!(source.try_settle(&mut vec![done]));
            }
            Step::Nack(at, attempts) if at < held.len() => {
                let mut again = held.remove(at).with_attempts(attempts);
                queue.waiting.push_front((id_of(again.message()), attempts));
                again.settle_as(Settlement::Again { after: Duration::ZERO });
                assert!(source.try_settle(&mut vec![again]));
            }
            Step::Reopen => {
                // All at once, before what is new, in their order.
                for one in held.iter().rev() {
                    queue.waiting.push_front((id_of(one.message()), one.attempts()));
                }
                assert!(source.try_settle(&mut held));
                held.clear();
                drop(source);
                source = open(&memory).await;
            }
            _ => {}
        }
        let state = memory.groups().await.unwrap().remove(0);
        assert_eq!(state.leased, Some(held.len() as u64));
        let depth = Some(queue.waiting.len() as u64);
        assert_eq!((state.created, state.dropped, state.depth), (Some(queue.created), queue.dropped, depth));
    }
    let left: Vec<_> = memory.close(HOUR).await.unwrap().iter().map(|(_, message)| id_of(message)).collect();
    assert_eq!(left, queue.waiting.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

#[derive(Clone, Debug)]
enum Act {
    TryPublish,
    Publish,
    Start,
    Stop,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![4 => Just(Act::TryPublish), 4 => Just(Act::Publish), 1 => Just(Act::Start), 1 => Just(Act::Stop)]
}

/// A consumer that fails every fifth event, and logs all.
async fn consumer(bus: &Bus, log: &Log<u64>) -> Consumer {
    let log = log.clone();
    let handler = move |e: Arc<Job>, _| {
        log.add(e.0);
        async move { if e.0.is_multiple_of(5) { Err("every fifth") } else { Ok(()) } }
    };
    bus.consumer("group").handle::<Job>(handler).retry(Retry::never()).start().await.unwrap()
}

async fn bus_agrees(policy: Overflow, acts: Vec<Act>) {
    let bus = Bus::builder().transport(Memory::new().capacity(CAPACITY).overflow(policy)).build();
    let log = Log::default();
    // The group is there from the start; its consumer comes and goes.
    let mut running = Some(consumer(&bus, &log).await);
    let (mut queue, mut seen) = (Queue::default(), Vec::new());
    for (id, act) in (0..).zip(acts) {
        match act {
            Act::TryPublish | Act::Publish => {
                let expected = queue.offer(id, policy);
                let result = if matches!(act, Act::TryPublish) {
                    bus.try_publish(Job(id)).map_err(PublishError::from)
                } else {
                    let mut publish = bus.publish(Job(id));
                    match poll_once(&mut publish) {
                        Poll::Ready(result) => result,
                        Poll::Pending => {
                            assert_eq!(expected, Err(true));
                            publish.into_event().map_or(Ok(()), |event| Err(PublishError::Full(event)))
                        }
                    }
                };
                assert_eq!(result.map_err(PublishError::into_event), expected.map_err(|_| Some(Job(id))));
            }
            Act::Start if running.is_none() => running = Some(consumer(&bus, &log).await),
            Act::Stop => {
                if let Some(consumer) = running.take() {
                    assert!(consumer.stop(HOUR).await.is_clean());
                }
            }
            Act::Start => {}
        }
        yield_a_lot().await;
        if running.is_some() {
            seen.extend(queue.waiting.drain(..).map(|(id, _)| id));
        }
        assert_balanced(&bus.stats());
        assert_eq!(
            bus.stats().deliveries().dead_lettered,
            seen.iter().filter(|id| id.is_multiple_of(5)).count() as u64
        );
    }
    let report = bus.shutdown(HOUR).await;
    assert_balanced(report.stats());
    assert_eq!(log.take(), seen);
    let left: Vec<_> = report.returned().iter().map(|one| one.message.downcast_ref::<Job>().unwrap().0).collect();
    assert_eq!(left, queue.waiting.iter().map(|(id, _)| *id).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(scaled(200, 5_000)))]

    #[test]
    fn the_memory_transport_is_a_queue(policy in policy(), steps in prop::collection::vec(step(), 0..60)) {
        current_thread().block_on(transport_agrees(policy, steps));
    }

    #[test]
    fn a_bus_with_one_group_is_a_queue(policy in policy(), acts in prop::collection::vec(act(), 0..40)) {
        current_thread().block_on(bus_agrees(policy, acts));
    }
}

//! The order within keys, over several processes.

use redis_faults::{LIMIT, check, count, until};

use crate::{CONSUMER, PRODUCER, drain, figures, in_memory, terminate, until_handled};

#[test]
fn no_key_is_out_of_order_though_works_fail_and_processes_die() {
    let (works, keys) = (count(4_000, 100_000), 64);
    let scene = in_memory();
    let options = [("lease", "2000"), ("partitions", "8"), ("workers", "4"), ("fails", "37"), ("handling", "1")];
    let start = || scene.start(CONSUMER, "consumer", &options);
    let mut consumers: Vec<_> = (0..4).map(|_| start()).collect();
    scene.ready("consumer", 4);
    let published = [("count", &*works.to_string()), ("keys", &*keys.to_string()), ("partitions", "8")];
    let mut producer = scene.start(PRODUCER, "producer", &published);
    for round in 1..=2 {
        until_handled(&scene, works * round / 4);
        consumers.remove(0).kill();
    }
    assert!(producer.wait(LIMIT).success(), "{}", producer.said());
    until_handled(&scene, works);
    until("all are handled", LIMIT, || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        check::lost(0..works, &check::handled(&scene.lines("consumer"))).is_empty()
    });
    drain(&scene);
    consumers.iter_mut().for_each(terminate);
    let lines = scene.lines("consumer");
    let runs = check::handled(&lines);
    let processes: std::collections::HashSet<_> = runs.iter().map(|(_, run)| run.process).collect();
    let (duplicates, wrong) = (check::duplicates(&runs), check::out_of_order(&runs));
    let retried = runs.iter().filter(|(_, run)| run.attempt > 1).count();
    let text = format!(
        "{works} works, {keys} keys, {} processes, {retried} retried, {duplicates} twice, {} out of order: {:?}",
        processes.len(),
        wrong.len(),
        wrong.iter().take(3).collect::<Vec<_>>()
    );
    figures("order within keys", &text);
    assert!(wrong.is_empty(), "{text}");
    assert!(processes.len() == 4 && retried > 0, "{text}");
    assert!(duplicates <= 2 * 4 * 64, "{text}");
}

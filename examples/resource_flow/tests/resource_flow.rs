//! The example `resource_flow`, run as users run it: what it prints does not depend on which worker was faster.

#![forbid(unsafe_code)]

use std::process::Command;

const EXPECTED: &str = "\
`resource_flow.created` was not published: a group's queue is full; publish it later
flow 1 -> flow 2: 20 t of spent grain, brewery -> farm
flow 3 -> flow 4: 10 t of heat, bakery -> greenhouse
flow 3 -> flow 6: 5 t of heat, bakery -> farm
flow 3 was written at attempt 2
given up: contract.signed, attempt 1: unknown event type `contract.signed`
given up: resource_flow.created, attempt 3: there is no site `nowhere`
offered 21: accepted 20, rejected 1
deliveries 20: handled 18, dead-lettered 2, dropped 0, returned 0, in flight 0
";

#[test]
fn it_prints_the_same_each_time_and_its_ledger_adds_up() {
    for _ in 0..10 {
        let output = Command::new(env!("CARGO_BIN_EXE_resource_flow")).output().expect("the example runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), EXPECTED);
    }
}

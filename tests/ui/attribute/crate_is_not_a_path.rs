use eventbus::Event;

#[derive(Event)]
#[event(crate = 5)]
struct Number;

#[derive(Event)]
#[event(crate = "my framework")]
struct Spaced;

fn main() {}

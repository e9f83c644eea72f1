use eventbus::Event;

#[derive(Event)]
struct KäuferErstellt;

fn main() {}

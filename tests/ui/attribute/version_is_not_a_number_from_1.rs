use eventbus::Event;

#[derive(Event)]
#[event(version = 0)]
struct Zero;

#[derive(Event)]
#[event(version = -1)]
struct Negative;

#[derive(Event)]
#[event(version = "2")]
struct Quoted;

#[derive(Event)]
#[event(version = 1.5)]
struct Fraction;

#[derive(Event)]
#[event(version = 4294967296)]
struct TooGreat;

#[derive(Event)]
#[event(version = two)]
struct Word;

fn main() {}

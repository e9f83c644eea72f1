use eventbus::Event;

#[derive(Event)]
struct UserCreatedV2;

#[derive(Event)]
struct V2;

#[derive(Event)]
struct UserV0;

fn main() {}

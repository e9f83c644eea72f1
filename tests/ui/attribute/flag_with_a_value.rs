use eventbus::Event;

#[derive(Event)]
#[event(shares_name = true)]
struct Changed<T>(T);

fn main() {}

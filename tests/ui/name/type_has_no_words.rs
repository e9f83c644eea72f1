use eventbus::Event;

#[derive(Event)]
struct __;

fn main() {}

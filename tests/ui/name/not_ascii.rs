use eventbus::Event;

#[derive(Event)]
#[event(name = "käufer.erstellt")]
struct BuyerCreated;

fn main() {}

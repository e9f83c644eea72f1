use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
struct Other;

#[listeners]
fn done(_: &OrderDone) {}

fn main() {}

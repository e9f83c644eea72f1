use eventbus::Event;

#[derive(Event)]
struct UserCreated {
    #[event(name = "user.id")]
    id: u64,
}

#[derive(Event)]
enum OrderClosed {
    #[event(version = 2)]
    Paid,
    Cancelled(#[event] String),
}

fn main() {}

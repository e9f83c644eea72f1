struct UserCreated;
struct UserDeleted;

eventbus::derive_event! {
    struct UserCreated;
}

eventbus::derive_event! {
    crate = 5;
    struct UserDeleted;
}

fn main() {}

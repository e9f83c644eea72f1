use eventbus::Event;

#[derive(Event)]
#[event(name)]
struct UserCreated;

#[derive(Event)]
#[event(version = )]
struct UserDeleted;

#[derive(Event)]
#[event(name("user.renamed"))]
struct UserRenamed;

fn main() {}

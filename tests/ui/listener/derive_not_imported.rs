use eventbus::Bus;

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    println!("{:?}", bus.event_names());
}

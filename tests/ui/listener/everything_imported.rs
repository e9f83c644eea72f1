use eventbus::*;

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    match bus.emit(UserCreated).blocking().into_result() {
        Ok(report) => println!("{report}"),
        Err(error) => println!("{error}"),
    }
}

use eventbus::Event;

#[derive(Event)]
struct PageViewed<'a> {
    path: &'a str,
}

fn main() {}

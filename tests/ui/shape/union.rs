use eventbus::Event;

#[derive(Event)]
union Either {
    left: u32,
    right: f32,
}

fn main() {}

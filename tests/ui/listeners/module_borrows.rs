use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Borrowing<'a>(&'a str);

#[listeners]
impl<'a> Borrowing<'a> {
    #[on]
    fn done(&self, _: &OrderDone) {}
}

struct Elided<'a>(&'a str);

#[listeners]
impl Elided<'_> {
    #[on]
    fn done(&self, _: &OrderDone) {}
}

fn main() {}

use eventbus::Event;

#[derive(Event)]
#[event(name = "user.created_with_a_name_that_goes_on_and_on_and_on_until_nobody_would_ever_want_to_read_it_again_and_then_goes_on_once_more_for_good_measure")]
struct UserCreated;

fn main() {}

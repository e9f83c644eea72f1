//! Events listed without a bus.

use eventbus::{Bus, Event, catalog::EventSet};

#[derive(Event)]
#[event(name = "user.created")]
struct User;

#[derive(Event)]
#[event(name = "user.created", version = 2)]
struct UserV2;

#[derive(Event)]
#[event(name = "user.created")]
struct Impostor;

#[derive(Event)]
#[event(name = "order.done")]
struct Order;

#[derive(Event)]
#[event(name = "item.saved", shares_name)]
struct Saved<T: Send + Sync + 'static>(std::marker::PhantomData<T>);

fn wire_types(set: &EventSet) -> Vec<String> {
    set.iter().map(|event| event.wire_type().to_string()).collect()
}

#[test]
fn a_set_is_sorted_and_holds_each_type_once() {
    let set = EventSet::new().with::<UserV2>().with::<User>().with::<Order>().with::<User>();
    assert_eq!(wire_types(&set), ["order.done", "user.created", "user.created.v2"]);
    assert_eq!((set.len(), set.is_empty(), EventSet::new().is_empty()), (3, false, true));
    assert!(set.contains::<User>() && !set.contains::<Impostor>());
}

#[test]
fn it_is_searched_by_name_and_by_wire_type() {
    let set = EventSet::new().with::<UserV2>().with::<User>().with::<Order>();
    assert_eq!(set.get("user.created"), Some(User::TYPE));
    assert_eq!(set.get("user.created.v2"), Some(UserV2::TYPE));
    for absent in ["user.created.v3", "user", "user.created.v1", "Not A Name", ""] {
        assert_eq!(set.get(absent), None, "{absent}");
    }
    assert_eq!(set.by_name("user.created").count(), 2);
    assert_eq!(set.by_name("user").count(), 0);
}

#[test]
fn a_conflict_names_both_types_and_both_places() {
    let mut set = EventSet::new().with::<User>();
    let first = line!() - 1;
    let taken = set.add::<Impostor>().unwrap_err();
    let second = line!() - 1;
    assert_eq!((taken.first().0, taken.first().1.line()), (User::TYPE, first));
    assert_eq!((taken.second().0, taken.second().1.line()), (Impostor::TYPE, second));
    assert!(taken.to_string().contains("Impostor"), "{taken}");
    assert_eq!(set.len(), 1);

    let panic = std::panic::catch_unwind(|| EventSet::new().with::<User>().with::<Impostor>()).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("event_set.rs"));
}

#[test]
fn types_that_share_their_name_stand_together() {
    let set = EventSet::new().with::<Saved<u8>>().with::<Saved<u16>>();
    assert_eq!(set.by_name("item.saved").count(), 2);
    assert!(set.get("item.saved").is_some());
}

#[test]
fn merging_is_all_or_nothing() {
    let mut set = EventSet::new().with::<User>();
    let other = EventSet::new().with::<Impostor>().with::<Order>();
    assert_eq!(set.merge(other).unwrap_err().second().0, Impostor::TYPE);
    assert_eq!(wire_types(&set), ["user.created"]);
    set.merge(EventSet::new().with::<Order>().with::<User>()).unwrap();
    assert_eq!(wire_types(&set), ["order.done", "user.created"]);
}

#[test]
fn a_set_is_declared_in_one_go_at_the_places_where_it_was_listed() {
    let set = EventSet::new().with::<Order>().with::<User>();
    let line = line!() - 1;
    let bus = Bus::new();
    bus.declare_all(&set).unwrap();
    bus.declare_all(&set).unwrap();
    let catalog = bus.catalog();
    assert_eq!(catalog.events().len(), 2);
    assert_eq!(catalog.event("user.created").unwrap().location().line(), line);

    let taken = Bus::new();
    taken.declare::<Impostor>().unwrap();
    let error = taken.declare_all(&set).unwrap_err();
    assert!(error.to_string().contains("Impostor") && error.to_string().contains("User"), "{error}");
}

//! Consumer groups in the catalog.

use eventbus::{
    Bus, Delivery, Event,
    catalog::{CatalogEvent, CatalogGroup},
};

/// Known by the group that handles it alone.
#[derive(Event)]
#[event(name = "invoice.paid")]
struct InvoicePaid;

#[derive(Event)]
struct Startup;

async fn wired() -> Bus {
    let bus = Bus::new();
    bus.declare::<Startup>().unwrap();
    let books = bus.consumer("books").handle::<InvoicePaid>(|_, _: Delivery| async {});
    books.workers(2).start().await.unwrap();
    bus.consumer("audit").handle_pattern("invoice.*", |_, _: Delivery| async {}).start().await.unwrap();
    bus.consumer("rest").handle_rest(|_, _: Delivery| async {}).start().await.unwrap();
    bus
}

#[tokio::test]
async fn a_group_tells_what_it_handles_and_what_it_is_given() {
    let catalog = wired().await.catalog();
    let known: Vec<_> = catalog.events().iter().map(CatalogEvent::wire_type).collect();
    assert_eq!(known, ["invoice.paid", "startup"], "what is only handled is known, too");
    assert_eq!(catalog.event("invoice.paid").unwrap().location().file(), file!());

    let names: Vec<_> = catalog.groups().iter().map(CatalogGroup::name).collect();
    assert_eq!(names, ["audit", "books", "rest"]);
    let [audit, books, rest] = catalog.groups() else { panic!("three") };
    assert_eq!((audit.handled_types().count(), audit.handled_patterns()[0].as_str()), (0, "invoice.*"));
    assert_eq!((books.handled_types().next().unwrap().name().as_str(), books.workers()), ("invoice.paid", 2));
    assert_eq!((audit.events(), books.events()), (&["invoice.paid".to_owned()][..], audit.events()));
    assert!(rest.handles_rest() && rest.events() == ["invoice.paid", "startup"] && !books.handles_rest());
    assert_eq!(books.location().file(), file!());
}

#[tokio::test]
async fn groups_are_in_each_document() {
    let catalog = wired().await.catalog();
    let markdown = catalog.to_markdown();
    assert!(markdown.contains("# Consumer groups\n"), "{markdown}");
    assert!(
        markdown.lines().any(|line| line.starts_with("| `books` at ") && line.ends_with(" | 2 | 5 |")),
        "{markdown}"
    );
    let map = catalog.to_mermaid();
    let arrows: Vec<_> = map.lines().filter(|line| line.contains("==>")).map(str::trim).collect();
    assert_eq!(arrows, ["e0 ==> g0", "e0 ==> g1"], "{map}");
    let json = serde_json::to_value(&catalog).unwrap();
    assert_eq!(json["groups"][0]["handled_patterns"][0], "invoice.*");
}

#[tokio::test]
async fn a_group_that_has_stopped_is_in_no_catalog() {
    let bus = Bus::new();
    let books = bus.consumer("books").handle::<InvoicePaid>(|_, _: Delivery| async {}).start().await.unwrap();
    assert_eq!(bus.catalog().groups().len(), 1);
    books.stop(std::time::Duration::ZERO).await;
    assert!(bus.catalog().groups().is_empty());
}

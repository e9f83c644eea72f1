//! Orders: where somebody else has a say, and where nobody has.

use std::sync::Arc;

use eventbus::Bus;

use crate::{
    database::Database,
    error::Error,
    events::{ItemSold, OrderPlaced, OrderPlacing},
};

/// The table of orders; no other module reads it.
mod repository {
    use rusqlite::Connection;

    pub(super) const TABLES: &str = "CREATE TABLE orders
        (id INTEGER PRIMARY KEY, user INTEGER NOT NULL, item TEXT NOT NULL, cents INTEGER NOT NULL CHECK (cents > 0))";

    pub(super) fn insert(connection: &Connection, user: i64, item: &str, cents: i64) -> rusqlite::Result<i64> {
        connection.execute("INSERT INTO orders (user, item, cents) VALUES (?1, ?2, ?3)", (user, item, cents))?;
        Ok(connection.last_insert_rowid())
    }

    pub(super) fn count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM orders", (), |row| row.get(0))
    }
}

pub(crate) struct Orders {
    bus: Bus,
    database: Arc<Database>,
}

impl Orders {
    pub(crate) fn new(bus: &Bus, database: &Arc<Database>) -> Result<Self, Error> {
        database.with(|connection| connection.execute_batch(repository::TABLES))?;
        Ok(Self { bus: bus.clone(), database: Arc::clone(database) })
    }

    /// Places an order.
    pub(crate) async fn place(&self, user: i64, item: &str, cents: i64) -> Result<i64, Error> {
        // Critical: whoever has a say is heard, before anything is stored. One that fails, fails this call.
        self.bus.emit(OrderPlacing { user }).await.into_result()?;

        let (id, pending) = self.database.transaction(&self.bus, |transaction, pending| {
            let id = repository::insert(transaction, user, item, cents)?;
            pending.emit(OrderPlaced { id, user, item: item.to_owned(), cents });
            Ok(id)
        })?;
        // After the commit: awaited, so that the receipt is sent when the buyer has the answer. The order stands, whatever
        // becomes of the receipt; the report goes unread, and what failed is told to the failure hook.
        pending.release().await;

        // Not critical: nobody waits for it.
        self.bus.emit(ItemSold { item: item.to_owned() }).spawn();
        Ok(id)
    }

    pub(crate) fn count(&self) -> Result<i64, Error> {
        Ok(self.database.with(repository::count)?)
    }
}

#[cfg(test)]
mod tests {
    use eventbus::{Event, testing::Recorder};

    use super::*;

    /// The module alone: nobody has a say, unless the test says so.
    fn alone() -> (Recorder, Bus, Orders) {
        let recorder = Recorder::new();
        // The failures of this bus are read in reports; its hook keeps them off the terminal.
        let bus = Bus::builder().recorder(&recorder).on_failure(|_| ()).build();
        let orders = Orders::new(&bus, &Arc::new(Database::in_memory().unwrap())).unwrap();
        (recorder, bus, orders)
    }

    #[tokio::test]
    async fn a_critical_listener_that_fails_fails_the_call_and_nothing_is_stored() {
        let (recorder, bus, orders) = alone();
        let no = bus.on::<OrderPlacing>(|_| Err("not today"));
        let error = orders.place(1, "lamp", 1250).await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)) && error.to_string().contains("failed: not today"), "{error}");
        recorder.assert_not_emitted::<OrderPlaced>();
        assert_eq!(orders.count().unwrap(), 0);

        no.off();
        let id = orders.place(1, "lamp", 1250).await.unwrap();
        let placed = OrderPlaced { id, user: 1, item: "lamp".into(), cents: 1250 };
        assert_eq!(recorder.emitted::<OrderPlaced>(), [Arc::new(placed)]);
    }

    #[tokio::test]
    async fn other_listeners_that_fail_do_not_fail_the_call() {
        let (_, bus, orders) = alone();
        bus.on::<OrderPlaced>(|_| Err("no paper"));
        bus.on::<ItemSold>(|_| Err("cannot count"));
        orders.place(1, "lamp", 1250).await.unwrap();
        assert_eq!(orders.count().unwrap(), 1);
        bus.settled().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_critical_runs_when_the_call_has_ended() {
        let (recorder, bus, orders) = alone();
        orders.place(1, "lamp", 1250).await.unwrap();
        recorder.assert_not_emitted::<ItemSold>(); // spawned, on a runtime with one thread
        bus.settled().await.unwrap();
        recorder.assert_emitted::<ItemSold>(|e| e.item == "lamp");
        recorder.assert_order([OrderPlacing::NAME, OrderPlaced::NAME, ItemSold::NAME]);
    }

    #[tokio::test]
    async fn an_order_that_the_database_refuses_is_not_announced() {
        let (recorder, bus, orders) = alone();
        assert!(matches!(orders.place(1, "lamp", 0).await, Err(Error::Database(_))));
        bus.settled().await.unwrap();
        assert_eq!(recorder.names(), ["order.placing"]);
    }
}

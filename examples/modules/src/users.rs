//! Users: who may do something here.

use std::sync::Arc;

use eventbus::{Bus, WeakBus, listeners};

use crate::{
    database::Database,
    error::Error,
    events::{OrderPlacing, UserCreated},
};

/// The table of users; no other module reads it.
mod repository {
    use rusqlite::{Connection, OptionalExtension};

    pub(super) const TABLES: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE)";

    pub(super) fn insert(connection: &Connection, email: &str) -> rusqlite::Result<i64> {
        connection.execute("INSERT INTO users (email) VALUES (?1)", (email,))?;
        Ok(connection.last_insert_rowid())
    }

    pub(super) fn exists(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
        let found = connection.query_row("SELECT 1 FROM users WHERE id = ?1", (id,), |_| Ok(())).optional()?;
        Ok(found.is_some())
    }
}

pub(crate) struct Users {
    /// Weak: the bus holds this module's listeners, and they the module.
    bus: WeakBus,
    database: Arc<Database>,
}

impl Users {
    pub(crate) fn new(bus: &Bus, database: &Arc<Database>) -> Result<Self, Error> {
        database.with(|connection| connection.execute_batch(repository::TABLES))?;
        Ok(Self { bus: bus.downgrade(), database: Arc::clone(database) })
    }

    /// Signs somebody up. Fails with [`Error::DoneBut`] if the user is there, but not all who hear of it could act on it.
    pub(crate) async fn register(&self, email: &str) -> Result<i64, Error> {
        let Some(bus) = self.bus.upgrade() else { unreachable!("the program keeps the bus to its end") };
        let (id, pending) = self.database.transaction(&bus, |transaction, pending| {
            let id = repository::insert(transaction, email)?;
            pending.emit(UserCreated { id, email: email.to_owned() });
            Ok(id)
        })?;
        pending.release().await.into_result()?;
        Ok(id)
    }
}

#[listeners(named = "users")]
impl Users {
    /// Has a say in each order: whoever is no user cannot buy.
    #[on]
    fn may_buy(&self, e: &OrderPlacing) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.database.with(|connection| repository::exists(connection, e.user))? {
            Ok(())
        } else {
            Err(format!("there is no user {}", e.user).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use eventbus::testing::Recorder;

    use super::*;

    /// The module alone: a bus that is recorded, a database of its own, and no other module.
    fn alone() -> (Recorder, Bus, Arc<Users>) {
        let (recorder, database) = (Recorder::new(), Arc::new(Database::in_memory().unwrap()));
        let bus = recorder.bus();
        let users = Arc::new(Users::new(&bus, &database).unwrap());
        bus.register(users.clone()).unwrap();
        (recorder, bus, users)
    }

    #[tokio::test]
    async fn who_signs_up_is_announced_once() {
        let (recorder, _bus, users) = alone();
        let id = users.register("ada@example.org").await.unwrap();
        recorder.assert_emitted::<UserCreated>(|e| e.id == id && e.email == "ada@example.org");
        recorder.assert_emitted_times::<UserCreated>(1);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_refused_and_nobody_hears_of_it() {
        let (recorder, _bus, users) = alone();
        users.register("ada@example.org").await.unwrap();
        assert!(matches!(users.register("ada@example.org").await, Err(Error::Database(_))));
        recorder.assert_emitted_times::<UserCreated>(1);
    }

    #[tokio::test]
    async fn a_listener_that_fails_leaves_the_user_and_is_told() {
        let (_, bus, users) = alone();
        bus.listener::<UserCreated>().named("welcome").on(|_| Err("no ink"));
        let error = users.register("ada@example.org").await.unwrap_err();
        assert!(matches!(error, Error::DoneBut(_)) && error.to_string().contains("failed: no ink"), "{error}");
        assert!(users.register("ada@example.org").await.is_err(), "the user is there");
    }

    #[tokio::test]
    async fn only_users_may_buy() {
        let (_, bus, users) = alone();
        let user = users.register("ada@example.org").await.unwrap();
        assert!(bus.emit(OrderPlacing { user }).await.is_ok());
        assert!(!bus.emit(OrderPlacing { user: user + 1 }).await.is_ok());
    }
}

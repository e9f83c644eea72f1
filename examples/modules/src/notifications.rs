//! Notifications: mails to users. It learns addresses from events, and asks no other module.

use std::{error::Error as StdError, sync::Arc};

use eventbus::listeners;

use crate::{
    database::Database,
    error::Error,
    events::{OrderPlaced, PostPublished, UserCreated},
};

/// The tables of addresses and mails; no other module reads them.
mod repository {
    use rusqlite::Connection;

    pub(super) const TABLES: &str = "CREATE TABLE addresses (user INTEGER PRIMARY KEY, email TEXT NOT NULL);
        CREATE TABLE mails (id INTEGER PRIMARY KEY, email TEXT NOT NULL, body TEXT NOT NULL)";

    pub(super) fn know(connection: &Connection, user: i64, email: &str) -> rusqlite::Result<usize> {
        connection.execute("INSERT INTO addresses VALUES (?1, ?2)", (user, email))
    }

    pub(super) fn address(connection: &Connection, user: i64) -> rusqlite::Result<String> {
        connection.query_row("SELECT email FROM addresses WHERE user = ?1", (user,), |row| row.get(0))
    }

    pub(super) fn send(connection: &Connection, email: &str, body: &str) -> rusqlite::Result<usize> {
        connection.execute("INSERT INTO mails (email, body) VALUES (?1, ?2)", (email, body))
    }

    pub(super) fn sent(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
        let mut query = connection.prepare("SELECT email, body FROM mails ORDER BY id")?;
        query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }
}

type Sent = Result<(), Box<dyn StdError + Send + Sync>>;

pub(crate) struct Notifications {
    database: Arc<Database>,
}

#[listeners(named = "notifications")]
impl Notifications {
    #[on]
    fn welcome(&self, e: &UserCreated) -> Sent {
        self.database.with(|connection| repository::know(connection, e.id, &e.email))?;
        self.mail(e.id, "welcome")
    }

    #[on]
    fn published(&self, e: &PostPublished) -> Sent {
        self.mail(e.author, &format!("`{}` is online", e.title))
    }

    #[on]
    fn receipt(&self, e: &OrderPlaced) -> Sent {
        self.mail(e.user, &format!("your receipt for {}, {} cents", e.item, e.cents))
    }
}

impl Notifications {
    pub(crate) fn new(database: &Arc<Database>) -> Result<Self, Error> {
        database.with(|connection| connection.execute_batch(repository::TABLES))?;
        Ok(Self { database: Arc::clone(database) })
    }

    /// The mails so far, with their addresses.
    pub(crate) fn sent(&self) -> Result<Vec<(String, String)>, Error> {
        Ok(self.database.with(repository::sent)?)
    }

    fn mail(&self, user: i64, body: &str) -> Sent {
        let email = self.database.with(|connection| repository::address(connection, user))?;
        // A mailbox of this host takes a welcome and nothing more.
        if email.ends_with("@full.example.org") && body != "welcome" {
            return Err(format!("the mailbox of {email} is full").into());
        }
        self.database.with(|connection| repository::send(connection, &email, body))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use eventbus::Bus;

    use super::*;

    /// The module alone: the events come from the test, and not from the modules that emit them in the program.
    #[test]
    fn mails_go_to_the_address_that_the_user_signed_up_with() {
        let bus = Bus::new();
        let notifications = Arc::new(Notifications::new(&Arc::new(Database::in_memory().unwrap())).unwrap());
        bus.register(notifications.clone()).unwrap();

        let order = OrderPlaced { id: 1, user: 7, item: "lamp".into(), cents: 1250 };
        assert!(!bus.emit(order.clone()).blocking().is_ok(), "nobody has heard of user 7");
        bus.emit(UserCreated { id: 7, email: "ada@example.org".into() }).blocking().into_result().unwrap();
        bus.emit(order).blocking().into_result().unwrap();

        let ada = "ada@example.org".to_owned();
        let receipt = "your receipt for lamp, 1250 cents".to_owned();
        assert_eq!(notifications.sent().unwrap(), [(ada.clone(), "welcome".to_owned()), (ada, receipt)]);
    }
}

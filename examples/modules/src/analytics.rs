//! Analytics: counts whatever happens, also what is added next year.

use std::sync::Arc;

use eventbus::{AnyEvent, listeners};

use crate::{database::Database, error::Error};

/// The table of counts; no other module reads it.
mod repository {
    use rusqlite::Connection;

    pub(super) const TABLES: &str = "CREATE TABLE counts (event TEXT PRIMARY KEY, count INTEGER NOT NULL)";

    pub(super) fn add(connection: &Connection, event: &str) -> rusqlite::Result<usize> {
        let add = "INSERT INTO counts VALUES (?1, 1) ON CONFLICT (event) DO UPDATE SET count = count + 1";
        connection.execute(add, (event,))
    }

    pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
        let mut query = connection.prepare("SELECT event, count FROM counts ORDER BY event")?;
        query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }
}

pub(crate) struct Analytics {
    database: Arc<Database>,
}

#[listeners(named = "analytics")]
impl Analytics {
    #[on(pattern = "**")]
    fn count(&self, e: &AnyEvent<'_>) -> Result<(), Error> {
        self.database.with(|connection| repository::add(connection, e.name()))?;
        Ok(())
    }
}

impl Analytics {
    pub(crate) fn new(database: &Arc<Database>) -> Result<Self, Error> {
        database.with(|connection| connection.execute_batch(repository::TABLES))?;
        Ok(Self { database: Arc::clone(database) })
    }

    /// How often each event was heard.
    pub(crate) fn counts(&self) -> Result<Vec<(String, i64)>, Error> {
        Ok(self.database.with(repository::all)?)
    }
}

#[cfg(test)]
mod tests {
    use eventbus::{Bus, Event};

    use super::*;

    #[derive(Event)]
    #[event(name = "added.next.year")]
    struct AddedNextYear;

    #[test]
    fn events_are_counted_by_name_whoever_declares_them() {
        let bus = Bus::new();
        let analytics = Arc::new(Analytics::new(&Arc::new(Database::in_memory().unwrap())).unwrap());
        bus.register(analytics.clone()).unwrap();
        for _ in 0..3 {
            assert!(bus.emit(AddedNextYear).blocking().is_ok());
        }
        assert_eq!(analytics.counts().unwrap(), [("added.next.year".to_owned(), 3)]);
    }
}

//! The database: one connection, and transactions whose events wait for the commit.

use std::sync::{Mutex, MutexGuard, PoisonError};

use eventbus::{Bus, Deferred};
use rusqlite::{Connection, Transaction};

/// A `SQLite` database.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Mutex<Connection>,
}

impl Database {
    pub(crate) fn in_memory() -> rusqlite::Result<Self> {
        Ok(Self { connection: Mutex::new(Connection::open_in_memory()?) })
    }

    /// Does `work` in a transaction, and commits.
    ///
    /// What `work` emits to the `Deferred` is given back to be released: only here, behind the commit, can it be. If `work` or
    /// the commit fails, both the changes and the events are dropped.
    ///
    /// Nothing is released in here. Listeners use the database too, and this would still hold its lock.
    pub(crate) fn transaction<T>(
        &self,
        bus: &Bus,
        work: impl FnOnce(&Transaction<'_>, &Deferred) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<(T, Deferred)> {
        let pending = bus.deferred();
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let done = work(&transaction, &pending)?;
        transaction.commit()?;
        Ok((done, pending))
    }

    /// Runs statements that say nothing to anybody.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        run(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eventbus::testing::Recorder;

    use super::*;
    use crate::events::UserCreated;

    fn created(id: i64) -> UserCreated {
        UserCreated { id, email: String::new() }
    }

    /// A database with a table of numbers that differ, checked when they are inserted or at the commit.
    fn numbers(checked: &str) -> (Recorder, Bus, Database) {
        let database = Database::in_memory().unwrap();
        let tables = format!(
            "PRAGMA foreign_keys = ON; CREATE TABLE numbers (n INTEGER PRIMARY KEY);
             CREATE TABLE copies (n INTEGER REFERENCES numbers (n) {checked});"
        );
        database.with(|connection| connection.execute_batch(&tables)).unwrap();
        let recorder = Recorder::new();
        let bus = recorder.bus();
        (recorder, bus, database)
    }

    fn count(database: &Database, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        database.with(|connection| connection.query_one(&query, (), |row| row.get(0))).unwrap()
    }

    #[test]
    fn a_transaction_that_is_rolled_back_emits_nothing() {
        let (recorder, bus, database) = numbers("");
        let failed = database.transaction(&bus, |transaction, pending| {
            transaction.execute("INSERT INTO numbers VALUES (1)", ())?;
            pending.emit(created(1));
            transaction.execute("INSERT INTO numbers VALUES (1)", ())
        });
        assert!(failed.is_err());
        recorder.assert_nothing_emitted();
        assert_eq!((count(&database, "numbers"), bus.stats().deferred.discarded), (0, 1));
    }

    #[test]
    fn a_commit_that_fails_emits_nothing() {
        let (recorder, bus, database) = numbers("DEFERRABLE INITIALLY DEFERRED");
        let failed = database.transaction(&bus, |transaction, pending| {
            pending.emit(created(7));
            transaction.execute("INSERT INTO copies VALUES (7)", ())
        });
        assert!(failed.unwrap_err().to_string().contains("FOREIGN KEY"));
        recorder.assert_nothing_emitted();
        assert_eq!((count(&database, "copies"), bus.stats().deferred.discarded), (0, 1));
    }

    #[test]
    fn a_committed_transaction_emits_once_and_in_order_and_not_before() {
        let (recorder, bus, database) = numbers("");
        let (_, pending) = database
            .transaction(&bus, |transaction, pending| {
                (1..=3).for_each(|id| pending.emit(created(id)));
                transaction.execute("INSERT INTO numbers VALUES (1), (2), (3)", ())
            })
            .unwrap();
        recorder.assert_nothing_emitted();
        assert_eq!(count(&database, "numbers"), 3);

        assert!(pending.release().blocking().is_ok());
        assert_eq!(recorder.emitted::<UserCreated>(), [created(1), created(2), created(3)].map(Arc::new));
        assert_eq!((bus.stats().deferred.released, bus.stats().deferred.pending), (3, 0));
    }
}

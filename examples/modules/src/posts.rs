//! Posts: several are published as one, or none.

use std::sync::Arc;

use eventbus::Bus;

use crate::{database::Database, error::Error, events::PostPublished};

/// The table of posts; no other module reads it.
mod repository {
    use rusqlite::Connection;

    pub(super) const TABLES: &str =
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER NOT NULL, title TEXT NOT NULL UNIQUE)";

    pub(super) fn insert(connection: &Connection, author: i64, title: &str) -> rusqlite::Result<i64> {
        connection.execute("INSERT INTO posts (author, title) VALUES (?1, ?2)", (author, title))?;
        Ok(connection.last_insert_rowid())
    }

    pub(super) fn count(connection: &Connection) -> rusqlite::Result<i64> {
        connection.query_row("SELECT count(*) FROM posts", (), |row| row.get(0))
    }
}

pub(crate) struct Posts {
    bus: Bus,
    database: Arc<Database>,
}

impl Posts {
    pub(crate) fn new(bus: &Bus, database: &Arc<Database>) -> Result<Self, Error> {
        database.with(|connection| connection.execute_batch(repository::TABLES))?;
        Ok(Self { bus: bus.clone(), database: Arc::clone(database) })
    }

    /// Publishes posts. A title may be there once: if one of them is taken, none is published.
    pub(crate) async fn publish(&self, author: i64, titles: &[&str]) -> Result<(), Error> {
        let ((), pending) = self.database.transaction(&self.bus, |transaction, pending| {
            for &title in titles {
                let id = repository::insert(transaction, author, title)?;
                // Kept. If the next title is taken, this has never happened.
                pending.emit(PostPublished { id, author, title: title.to_owned() });
            }
            Ok(())
        })?;
        pending.release().await.into_result()?;
        Ok(())
    }

    pub(crate) fn count(&self) -> Result<i64, Error> {
        Ok(self.database.with(repository::count)?)
    }
}

#[cfg(test)]
mod tests {
    use eventbus::testing::Recorder;

    use super::*;

    #[tokio::test]
    async fn posts_are_announced_in_order_and_all_or_none_of_them() {
        let (recorder, database) = (Recorder::new(), Arc::new(Database::in_memory().unwrap()));
        let bus = recorder.bus();
        let posts = Posts::new(&bus, &database).unwrap();

        posts.publish(1, &["a", "b"]).await.unwrap();
        let titles: Vec<_> = recorder.emitted::<PostPublished>().iter().map(|e| e.title.clone()).collect();
        assert_eq!(titles, ["a", "b"]);

        assert!(matches!(posts.publish(1, &["c", "d", "a"]).await, Err(Error::Database(_))));
        recorder.assert_emitted_times::<PostPublished>(2);
        assert_eq!(posts.count().unwrap(), 2);
        assert_eq!((bus.stats().deferred.released, bus.stats().deferred.discarded), (2, 2));
    }
}

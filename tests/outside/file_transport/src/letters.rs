//! Dead letters, numbered as they came.

use std::{collections::BTreeMap, ops::Bound, sync::Arc, time::SystemTime};

use eventbus::{BoxError, transport::{Letter, LetterId, LetterPage, LetterQuery, Message}};

#[derive(Default, Debug)]
pub(crate) struct Letters {
    all: BTreeMap<u64, FileLetter>,
    count: u64,
}

#[derive(Debug)]
pub(crate) struct FileLetter {
    pub(crate) group: String,
    pub(crate) number: usize,
    pub(crate) attempts: u32,
    pub(crate) reason: String,
    pub(crate) failed_at: SystemTime,
}

impl Letters {
    pub(crate) fn add(&mut self, letter: FileLetter) {
        self.all.insert(self.count, letter);
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<FileLetter> {
        self.all.remove(&number)
    }

    /// The number of a letter that is there.
    pub(crate) fn find(&self, id: &LetterId) -> Result<u64, BoxError> {
        let number = id.as_str().parse().ok().filter(|number| self.all.contains_key(number));
        number.ok_or_else(|| format!("there is no dead letter {id}").into())
    }

    pub(crate) fn page(&self, query: &LetterQuery, log: &[Message]) -> Result<LetterPage, BoxError> {
        let after = match &query.after {
            Some(id) => Bound::Excluded(id.as_str().parse::<u64>()?),
            None => Bound::Unbounded,
        };
        let is_asked_for = |letter: &FileLetter| query.group.as_ref().is_none_or(|group| **group == *letter.group);
        let found = self.all.range((after, Bound::Unbounded)).filter(|(_, letter)| is_asked_for(letter));
        let mut page = LetterPage::default();
        for (number, own) in found.take(query.limit) {
            let (id, group) = (LetterId::new(&number.to_string()), Arc::from(&*own.group));
            let mut letter = Letter::new(id, group, log[own.number].clone(), Arc::from(&*own.reason));
            (letter.attempts, letter.failed_at) = (own.attempts, own.failed_at);
            page.letters.push(letter);
        }
        if page.letters.len() == query.limit {
            page.next = page.letters.last().map(|letter| letter.id.clone());
        }
        Ok(page)
    }
}

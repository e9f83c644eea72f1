//! The default name of an event, derived from the words of its type's name.

/// Why a type has no default name.
#[derive(Debug, PartialEq)]
pub(crate) enum NoName {
    /// The type's name is not ASCII, and event names are.
    NotAscii,
    /// The type's name has only underscores.
    NoWords,
}

/// `OrderItemAdded` becomes `order_item.added`: the last word is the action, the words before it are the entity.
///
/// The result has valid characters only, but it may be too long, or end like a version (`UserV2`).
pub(crate) fn from_type(type_name: &str) -> Result<String, NoName> {
    if !type_name.is_ascii() {
        return Err(NoName::NotAscii);
    }
    join(&words(type_name)).ok_or(NoName::NoWords)
}

/// The default name without the type's last word: `user.created` for `UserCreatedV2`.
pub(crate) fn without_last_word(type_name: &str) -> Option<String> {
    let mut words = words(type_name);
    words.pop();
    join(&words)
}

fn join(words: &[String]) -> Option<String> {
    let (action, entity) = words.split_last()?;
    Some(if entity.is_empty() { action.clone() } else { format!("{}.{action}", entity.join("_")) })
}

/// The words of an identifier, in lower case.
///
/// A word starts at a capital that follows a small letter or a digit (`user|Created`, `http2|Stream`), and at the last of
/// several capitals if a small letter follows (`HTTP|Request`). Underscores separate words; digits belong to the word before.
pub(crate) fn words(ident: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    let mut rest = ident.chars().peekable();
    while let Some(char) = rest.next() {
        let acronym_ends = rest.peek().is_some_and(char::is_ascii_lowercase);
        let starts = char.is_ascii_uppercase() && (!before.is_ascii_uppercase() || acronym_ends);
        if starts || char == '_' {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| char != '_') {
            word.push(char.to_ascii_lowercase());
        }
        before = char;
    }
    words.retain(|word| !word.is_empty());
    words
}

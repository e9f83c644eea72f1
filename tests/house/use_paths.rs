//! Names in `use` paths, as the tests of the house rules read them.

/// The first word of each item of a `use` group, to its closing brace.
pub(crate) fn first_words(group: &str) -> Vec<String> {
    let (mut depth, mut words, mut item_starts) = (0, Vec::new(), true);
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => item_starts = true,
            _ if item_starts && !char.is_whitespace() => {
                words.extend(word(&group[at..]));
                item_starts = false;
            }
            _ => {}
        }
    }
    words
}

/// The identifier at the start of `text`.
pub(crate) fn word(text: &str) -> Option<String> {
    let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

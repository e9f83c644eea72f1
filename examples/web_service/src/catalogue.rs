//! What the shop sells. Four of the items are there to show what happens when things go wrong.

/// An item of the shop.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) name: &'static str,
    pub(crate) cents: u64,
    /// How many there are when the program starts.
    pub(crate) stock: u32,
}

/// The payment provider never answers for it.
pub(crate) const SLOW: &str = "slow";
/// The warehouse never answers for it.
pub(crate) const STUCK: &str = "stuck";
/// The payment provider declines it.
pub(crate) const DECLINED: &str = "declined";
/// The payment provider cannot be reached for it.
pub(crate) const OUTAGE: &str = "outage";

/// All items.
pub(crate) const ITEMS: [Item; 6] = [
    Item { name: "book", cents: 1_250, stock: 100 },
    Item { name: "lamp", cents: 4_900, stock: 5 },
    Item { name: SLOW, cents: 100, stock: 100 },
    Item { name: STUCK, cents: 100, stock: 100 },
    Item { name: DECLINED, cents: 100, stock: 100 },
    Item { name: OUTAGE, cents: 100, stock: 100 },
];

/// Looks an item up.
pub(crate) fn find(name: &str) -> Option<&'static Item> {
    ITEMS.iter().find(|item| item.name == name)
}

//! Properties of the transport itself, by calls of its own methods.

mod bounds;
mod calls;
mod groups;
mod leases;
mod letters;
mod order;
mod publishing;
mod reading;
mod settling;
mod sources;

use crate::Property;

pub(crate) const ALL: &[&[Property]] = &[
    publishing::ALL,
    order::ALL,
    bounds::ALL,
    reading::ALL,
    groups::ALL,
    sources::ALL,
    settling::ALL,
    leases::ALL,
    letters::ALL,
    calls::ALL,
];

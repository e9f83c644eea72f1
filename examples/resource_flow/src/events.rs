//! What happens: flows of material in and out of sites.

use eventbus::Event;

/// Somebody offers a material, or asks for one.
#[derive(Debug, Clone, Event)]
pub(crate) struct ResourceFlowCreated {
    pub(crate) flow: Flow,
}

/// A flow has other numbers than before.
#[derive(Debug, Clone, Event)]
pub(crate) struct ResourceFlowUpdated {
    pub(crate) flow: Flow,
}

/// A site exists from now on.
#[derive(Debug, Event)]
pub(crate) struct SiteCreated {
    pub(crate) site: &'static str,
}

/// A flow is in the graph, and may match others: caused by one of the first two.
#[derive(Debug, Event)]
pub(crate) struct FlowSynced {
    pub(crate) id: u64,
}

/// Nobody in this program handles it.
#[derive(Debug, Event)]
pub(crate) struct ContractSigned;

/// So much of a material, out of a site or, if negative, into it.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) id: u64,
    pub(crate) site: &'static str,
    pub(crate) material: &'static str,
    pub(crate) tonnes: i64,
}

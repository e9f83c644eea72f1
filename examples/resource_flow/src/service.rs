//! Who handles the events: one value, a handler for each of four types.

use std::sync::Arc;

use eventbus::{BoxError, Delivery, consumer::Handler, transport::BoxFuture};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    events::{Flow, FlowSynced, ResourceFlowCreated, ResourceFlowUpdated, SiteCreated},
    graph::Graph,
};

/// Brings flows into the graph, and then has them matched.
pub(crate) struct FlowService {
    pub(crate) graph: Arc<Graph>,
    /// Told of each flow that has come to the end of its way.
    pub(crate) done: UnboundedSender<u64>,
}

impl FlowService {
    /// Writes a flow, and publishes what the matching begins with.
    async fn sync(&self, flow: &Flow, delivery: &Delivery) -> Result<(), BoxError> {
        self.graph.write(flow)?;
        // This handle knows of the delivery: the follow-up tells by what it was caused, and publishing it never waits. If the
        // queue is full, that is an error as any other, and the delivery is tried again.
        let bus = delivery.bus().ok_or("the bus is gone")?;
        bus.publish(FlowSynced { id: flow.id }).await?;
        Ok(())
    }
}

impl Handler<ResourceFlowCreated> for FlowService {
    fn handle(&self, event: Arc<ResourceFlowCreated>, delivery: Delivery) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move { self.sync(&event.flow, &delivery).await })
    }
}

impl Handler<ResourceFlowUpdated> for FlowService {
    fn handle(&self, event: Arc<ResourceFlowUpdated>, delivery: Delivery) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move { self.sync(&event.flow, &delivery).await })
    }
}

impl Handler<SiteCreated> for FlowService {
    fn handle(&self, event: Arc<SiteCreated>, _: Delivery) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            self.graph.add_site(event.site);
            Ok(())
        })
    }
}

impl Handler<FlowSynced> for FlowService {
    fn handle(&self, event: Arc<FlowSynced>, _: Delivery) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            self.graph.find_matches(event.id);
            // Nobody listens any more if the program was interrupted.
            let _ = self.done.send(event.id);
            Ok(())
        })
    }
}

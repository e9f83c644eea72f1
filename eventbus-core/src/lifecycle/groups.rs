//! Groups without their consumers: removing them, and what is known of them.

use std::sync::Arc;

use crate::{
    consumer::{ConsumerHealth, RemoveGroupError},
    emission::Bus,
    publish::asked,
    transport::{BoxFuture, Message, NoSuchGroup, Operation, TransportHealth},
};

/// Whether publishing works; given by [`Bus::health`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BusHealth {
    /// What the transport says of itself.
    pub transport: TransportHealth,
    /// The consumers of this bus, by group.
    pub consumers: Vec<ConsumerHealth>,
}

impl BusHealth {
    /// Whether the transport is connected, as far as it can tell, and no consumer is stalled.
    pub fn is_healthy(&self) -> bool {
        self.transport.is_connected != Some(false) && !self.consumers.iter().any(|consumer| consumer.is_stalled)
    }
}

impl Bus {
    /// Removes a group that no consumer of this bus reads: it takes no events any more. What waited in it is handed back, where
    /// the transport is of this process.
    ///
    /// # Errors
    ///
    /// [`RemoveGroupError`] if a consumer of this bus reads it, there is no such group, or the transport cannot remove it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use std::time::Duration;
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// let mailer = bus.consumer("mailer").handle::<UserCreated>(|_, _| async {}).start().await?;
    /// mailer.stop(Duration::from_secs(5)).await;
    /// bus.publish(UserCreated).await?; // the group is still there, and it waits
    ///
    /// let left = bus.remove_group("mailer").await?;
    /// assert_eq!(left.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove_group(&self, group: &str) -> Result<Vec<Message>, RemoveGroupError> {
        self.remove_idle_group(group).await
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn remove_idle_group<'b>(&'b self, group: &'b str) -> BoxFuture<'b, Result<Vec<Message>, RemoveGroupError>> {
        Box::pin(async move {
            let (publishing, name) = (self.publishing(), Arc::<str>::from(group));
            if self.consumers().contains(group) {
                return Err(RemoveGroupError::InUse { group: name });
            }
            let answer = asked(|| publishing.transport.remove_group(group)).await;
            let reason = match answer {
                Ok(Ok(left)) => {
                    publishing.forget_ledger(group);
                    self.consumers().forget_stopped(group);
                    return Ok(left);
                }
                Ok(Err(error)) if error.is::<NoSuchGroup>() => return Err(RemoveGroupError::Unknown { group: name }),
                Ok(Err(error)) => crate::listener::ErrorText::with_sources(&*error).to_string(),
                Err(panic) => panic.to_string(),
            };
            publishing.notices.error(Operation::RemoveGroup, Some(&name), reason.clone());
            Err(RemoveGroupError::Transport { group: name, reason })
        })
    }

    /// Whether publishing works: what the transport says of itself, and how the consumers of this bus are doing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::Bus;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let bus = Bus::new();
    /// assert!(bus.health().await.is_healthy());
    /// # }
    /// ```
    pub async fn health(&self) -> BusHealth {
        self.gather_health().await
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn gather_health(&self) -> BoxFuture<'_, BusHealth> {
        Box::pin(async move {
            let publishing = self.publishing();
            let answer = asked(|| publishing.transport.health()).await;
            let transport = answer.unwrap_or_else(|panic| {
                publishing.notices.error(Operation::Health, None, &*panic);
                TransportHealth::disconnected(panic.to_string())
            });
            let consumers = self.consumers().all().iter().map(|control| control.health()).collect();
            BusHealth { transport, consumers }
        })
    }
}

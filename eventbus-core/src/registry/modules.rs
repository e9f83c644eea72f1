//! The modules that are registered on a bus: each instance once.

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Arc, Weak},
};

use super::group::ListenerGroup;
use crate::{
    listener::{ListenerId, ListenerInfo},
    sync::{Mutex, lock},
};

/// Which instances are registered, by their addresses.
///
/// A registration leaves when its group is closed, which drops its [`Seat`]. One that ends otherwise, since its module is
/// gone with all its listeners, is swept out now and then.
#[derive(Default)]
pub(crate) struct Modules {
    table: Mutex<ModuleTable>,
}

#[derive(Default)]
struct ModuleTable {
    registrations: HashMap<usize, Arc<ModuleRegistration>>,
    sweep_at: usize,
}

/// A registered module; what its subscription ends.
pub(crate) struct ModuleRegistration {
    info: ListenerInfo,
    group: Arc<ListenerGroup>,
    /// Does not keep the module alive, but its address taken.
    module: Box<dyn Alive>,
}

/// A weak reference, its type erased.
trait Alive: Send + Sync {
    fn is_alive(&self) -> bool;
}

impl<M: ?Sized + Send + Sync> Alive for Weak<M> {
    fn is_alive(&self) -> bool {
        self.strong_count() > 0
    }
}

impl Modules {
    /// Registers `module`, or tells where it is registered.
    pub(crate) fn enter<M: ?Sized + Send + Sync + 'static>(
        self: &Arc<Self>,
        module: &Arc<M>,
        info: ListenerInfo,
    ) -> Result<Arc<ModuleRegistration>, &'static Location<'static>> {
        let address = Arc::as_ptr(module).cast::<()>().addr();
        let seat = Seat { modules: Arc::downgrade(self), address, id: info.id };
        let group = Arc::new(ListenerGroup::closing(Box::new(seat)));
        let registration = Arc::new(ModuleRegistration { info, group, module: Box::new(Arc::downgrade(module)) });

        let mut table = lock(&self.table);
        // Also one that is just being ended: its listeners may still be on.
        if let Some(first) = table.registrations.get(&address) {
            let location = first.info.location;
            drop(table); // the seat of the registration that is refused asks for the lock
            return Err(location);
        }
        let swept = table.make_room();
        let replaced = table.registrations.insert(address, Arc::clone(&registration));
        drop(table);
        for registration in swept {
            registration.group.close();
        }
        drop(replaced);
        Ok(registration)
    }

    /// All registrations, as they are at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<ModuleRegistration>> {
        lock(&self.table).registrations.values().cloned().collect()
    }
}

impl ModuleTable {
    /// Takes out what has ended by itself, if the table has doubled since this was done last.
    fn make_room(&mut self) -> Vec<Arc<ModuleRegistration>> {
        if self.registrations.len() < self.sweep_at.max(32) {
            return Vec::new();
        }
        let swept = self.registrations.extract_if(|_, registration| registration.has_ended());
        let swept = swept.map(|(_, registration)| registration).collect();
        self.sweep_at = self.registrations.len() * 2;
        swept
    }
}

impl ModuleRegistration {
    pub(crate) fn group(&self) -> &Arc<ListenerGroup> {
        &self.group
    }

    pub(super) fn is_on(&self) -> bool {
        !self.has_ended()
    }

    /// Ends the module's listeners; whether it was registered.
    pub(super) fn off(&self) -> bool {
        let was_on = !self.has_ended();
        self.group.close().was_open && was_on
    }

    fn has_ended(&self) -> bool {
        self.group.is_closed() || (!self.module.is_alive() && self.group.is_idle())
    }
}

/// A place in the table, given up by dropping it.
struct Seat {
    modules: Weak<Modules>,
    address: usize,
    id: ListenerId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(modules) = self.modules.upgrade() else { return };
        let removed;
        {
            let mut table = lock(&modules.table);
            let is_mine = table.registrations.get(&self.address).is_some_and(|taken| taken.info.id == self.id);
            removed = if is_mine { table.registrations.remove(&self.address) } else { None };
        }
        drop(removed);
    }
}

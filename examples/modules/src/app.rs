//! Puts the program together: each module is given what it needs, and then registered. The only file that knows them all.

use std::sync::Arc;

use eventbus::Bus;

use crate::{
    analytics::Analytics, database::Database, error::Error, notifications::Notifications, orders::Orders, posts::Posts,
    users::Users,
};

pub(crate) struct App {
    pub(crate) users: Arc<Users>,
    pub(crate) posts: Posts,
    pub(crate) orders: Orders,
    pub(crate) notifications: Arc<Notifications>,
    pub(crate) analytics: Arc<Analytics>,
}

impl App {
    pub(crate) fn new(bus: &Bus, database: &Arc<Database>) -> Result<Self, Error> {
        let app = Self {
            users: Arc::new(Users::new(bus, database)?),
            posts: Posts::new(bus, database)?,
            orders: Orders::new(bus, database)?,
            notifications: Arc::new(Notifications::new(database)?),
            analytics: Arc::new(Analytics::new(database)?),
        };
        bus.register(Arc::clone(&app.users))?;
        bus.register(Arc::clone(&app.notifications))?;
        bus.register(Arc::clone(&app.analytics))?;
        Ok(app)
    }
}

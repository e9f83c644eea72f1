//! Interceptors that a test gives to all buses that its thread builds meanwhile.

use std::{cell::RefCell, marker::PhantomData, rc::Rc};

use super::handle::{Interceptor, Interceptors};

/// Adds an interceptor.
type Add = Rc<dyn Fn(&mut Interceptors)>;

thread_local! {
    static AMBIENT: RefCell<Vec<Add>> = const { RefCell::new(Vec::new()) };
}

/// Until it is dropped, buses that are built on this thread get an interceptor.
pub(crate) struct AmbientInterceptor(PhantomData<*const ()>);

impl AmbientInterceptor {
    /// Guards are dropped in the reverse order.
    pub(crate) fn enter(interceptor: impl Interceptor + Clone) -> Self {
        let add: Add = Rc::new(move |all| all.push_outermost(interceptor.clone()));
        AMBIENT.with_borrow_mut(|ambient| ambient.push(add));
        Self(PhantomData)
    }
}

impl Drop for AmbientInterceptor {
    fn drop(&mut self) {
        let last = AMBIENT.with_borrow_mut(Vec::pop);
        drop(last);
    }
}

impl Interceptors {
    /// Adds those that are asked for on this thread, around the others.
    pub(crate) fn add_ambient(&mut self) {
        let ambient = AMBIENT.with_borrow(Clone::clone);
        for add in ambient.iter().rev() {
            add(self);
        }
    }
}

//! A router whose every route has a rule, checked before its handler is reached.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::{Extensions, Method};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};

use super::{Action, Actor};
use crate::sessions::Session;

/// What a route demands of who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: it is for everybody who reaches the port.
    Nothing,
    /// An enrolled agent, for its own machine.
    Agent,
    /// Somebody whose role may do this.
    May(Action),
}

/// Why a request does not reach its handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Nobody knows who asks.
    Nobody,
    /// Somebody asks whose role does not suffice.
    Role(Action),
}

/// A route and its rule.
#[cfg(test)]
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
}

/// Routes with the rule of each. Who asks is an [`Actor`], or an agent's [`Session`], among the request's extensions: the
/// door in front puts it there, and without one nothing that has a rule answers.
#[derive(Debug)]
pub(crate) struct Ruled<S> {
    router: Router<S>,
    #[cfg(test)]
    rules: Vec<Rule>,
    deny: fn(&Request, Denied) -> Response,
}

impl<S: Clone + Send + Sync + 'static> Ruled<S> {
    /// No routes yet; `deny` answers in a rule's stead.
    pub(crate) fn new(deny: fn(&Request, Denied) -> Response) -> Self {
        Self {
            router: Router::new(),
            #[cfg(test)]
            rules: Vec::new(),
            deny,
        }
    }

    /// Adds a route that reads, for `GET` and `HEAD`.
    pub(crate) fn get<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Self {
        self.add(Method::GET, path, need, get(handler))
    }

    /// Adds a route that does something.
    pub(crate) fn post<H: Handler<T, S>, T: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Self {
        self.add(Method::POST, path, need, post(handler))
    }

    /// Adds a route that does something with a body of up to `max_len` bytes.
    pub(crate) fn post_up_to<H: Handler<T, S>, T: 'static>(
        self,
        max_len: usize,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Self {
        let limited = post(handler).layer(DefaultBodyLimit::max(max_len));
        self.add(Method::POST, path, need, limited)
    }

    /// The router.
    pub(crate) fn finish(self) -> Router<S> {
        self.router
    }

    /// The rules, one for each route.
    #[cfg(test)]
    pub(crate) fn rules(self) -> Vec<Rule> {
        self.rules
    }

    fn add(
        mut self,
        #[cfg_attr(not(test), expect(unused_variables, reason = "kept for tests"))] method: Method,
        path: &'static str,
        need: Need,
        methods: MethodRouter<S, Infallible>,
    ) -> Self {
        let deny = self.deny;
        let check = move |request: Request, next: Next| async move {
            match judge(need, request.extensions()) {
                Ok(()) => next.run(request).await,
                Err(denied) => deny(&request, denied),
            }
        };
        self.router = self.router.route(path, methods.route_layer(middleware::from_fn(check)));
        #[cfg(test)]
        self.rules.push(Rule { method, path, need });
        self
    }
}

fn judge(need: Need, asks: &Extensions) -> Result<(), Denied> {
    match (need, asks.get::<Actor>()) {
        (Need::Nothing, _) => Ok(()),
        (Need::Agent, _) => asks.get::<Session>().map(|_| ()).ok_or(Denied::Nobody),
        (Need::May(_), None) => Err(Denied::Nobody),
        (Need::May(action), Some(actor)) if actor.role.may(action) => Ok(()),
        (Need::May(action), Some(_)) => Err(Denied::Role(action)),
    }
}

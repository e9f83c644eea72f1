//! The Lua scripts. The server runs each as one step.

use std::sync::LazyLock;

use redis::{Cmd, Pipeline, Script};

/// A script, behind what all of them share.
macro_rules! text {
    ($file:literal) => {
        concat!(include_str!("lua/common.lua"), include_str!($file))
    };
}

macro_rules! scripts {
    ($($(#[doc = $doc:literal])* $name:ident = $file:literal),+ $(,)?) => {
        $($(#[doc = $doc])* pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(text!($file)));)+

        /// Loads all scripts.
        pub(crate) fn load_all() -> Pipeline {
            let mut pipeline = redis::pipe();
            $(pipeline.cmd("SCRIPT").arg("LOAD").arg(text!($file));)+
            pipeline
        }
    };
}

scripts! {
    CONFIG = "lua/config.lua",
    OWN = "lua/own.lua",
    ADOPT = "lua/adopt.lua",
    OPEN = "lua/open.lua",
    REMOVE = "lua/remove.lua",
    TAKE = "lua/take.lua",
    GIVE = "lua/give.lua",
    BURY = "lua/bury.lua",
    SETTLE_REDELIVERED = "lua/settle_redelivered.lua",
    EXTEND = "lua/extend.lua",
    CLAIM = "lua/claim.lua",
    RECOVER = "lua/recover.lua",
    TICK = "lua/tick.lua",
    DELAY = "lua/delay.lua",
    ONCE = "lua/once.lua",
    MOVE = "lua/move.lua",
    STATE = "lua/state.lua",
    REPLAY = "lua/replay.lua",
    LEAVE = "lua/leave.lua",
}

/// A call of a script with these keys; the arguments follow.
pub(crate) fn call(script: &Script, keys: &[&str]) -> Cmd {
    let mut command = redis::cmd("EVALSHA");
    command.arg(script.get_hash()).arg(keys.len()).arg(keys);
    command
}

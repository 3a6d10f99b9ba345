//! The coordinator's clock: the wall clock, as long as it goes on evenly.
//!
//! A person, a program or a dying battery may set it by years. A batch of four hours must not last for years because of
//! that, nor may the journal be stamped with a year that it has to wait for. So the wall clock is held against the time
//! since the kernel started, which nobody can set. After a jump time goes on by the latter, and nothing is granted
//! before the wall clock is back or a person says that it is right now.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use protocol::UnixMillis;

use crate::calendar::utc;

/// How far the clock may be set, in all while we serve or between two runs, before a person is asked.
pub(crate) const SLACK: Duration = Duration::from_secs(5 * 60);

/// What both clocks say at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The wall clock.
    pub(crate) wall: UnixMillis,
    /// The time since the kernel started, that asleep included.
    pub(crate) uptime: Duration,
}

/// The clock. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Inner>);

struct Inner {
    read: Box<dyn Fn() -> Reading + Send + Sync>,
    /// When the wall clock was taken for right.
    anchor: Mutex<Reading>,
}

/// The wall clock was set while we serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock was set while `rehome serve` runs: it says {}, but by the time that has passed it is {}; set it right, or \
     if it is right now say so with `rehome clock accept --because \"...\"`. Until then nothing is armed, admitted or \
     given a ticket; what machines report is recorded", utc(*.wall), utc(*.steady)
)]
pub(crate) struct ClockJump {
    /// What the wall clock says.
    pub(crate) wall: UnixMillis,
    /// What it would say had nobody set it.
    pub(crate) steady: UnixMillis,
}

impl Clock {
    /// Takes the wall clock for right as it is now.
    pub(crate) fn start() -> Self {
        Self::by(read)
    }

    /// A clock that reads elsewhere.
    pub(crate) fn by(read: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        let anchor = Mutex::new(read());
        Self(Arc::new(Inner { read: Box::new(read), anchor }))
    }

    /// The time now.
    pub(crate) fn now(&self) -> UnixMillis {
        let reading = self.reading();
        self.jump_at(reading).map_or(reading.wall, |jump| jump.steady)
    }

    /// Whether the wall clock was set by more than [`SLACK`].
    pub(crate) fn jump(&self) -> Option<ClockJump> {
        self.jump_at(self.reading())
    }

    /// What both clocks say now.
    pub(crate) fn reading(&self) -> Reading {
        (self.0.read)()
    }

    /// Takes the wall clock for right as it was read.
    pub(crate) fn accept(&self, reading: Reading) {
        *self.anchor() = reading;
    }

    fn jump_at(&self, Reading { wall, uptime }: Reading) -> Option<ClockJump> {
        let anchor = *self.anchor();
        let steady = after(anchor.wall, uptime.saturating_sub(anchor.uptime));
        let off = Duration::from_millis(wall.0.abs_diff(steady.0));
        (off > SLACK).then_some(ClockJump { wall, steady })
    }

    fn anchor(&self) -> MutexGuard<'_, Reading> {
        // A reading is replaced whole.
        self.0.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&*self.anchor()).finish()
    }
}

fn read() -> Reading {
    // Linux always has this clock; could it not be read, its zero would soon show as a jump.
    let uptime = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    Reading { wall: wall(), uptime }
}

/// The wall clock. One before 1970 reads as 1970.
pub(crate) fn wall() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A moment some time later.
pub(crate) fn after(moment: UnixMillis, time: Duration) -> UnixMillis {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(moment.0.saturating_add(millis))
}

/// A clock that a test sets.
#[cfg(test)]
#[derive(Debug, Clone)]
pub(crate) struct Dial(Arc<Mutex<Reading>>);

#[cfg(test)]
impl Dial {
    pub(crate) fn new(wall: UnixMillis) -> Self {
        Self(Arc::new(Mutex::new(Reading { wall, uptime: Duration::from_secs(100) })))
    }

    pub(crate) fn clock(&self) -> Clock {
        let dial = self.clone();
        Clock::by(move || *dial.0.lock().unwrap())
    }

    pub(crate) fn pass(&self, time: Duration) {
        let mut reading = self.0.lock().unwrap();
        *reading = Reading { wall: after(reading.wall, time), uptime: reading.uptime + time };
    }

    pub(crate) fn set(&self, wall: UnixMillis) {
        self.0.lock().unwrap().wall = wall;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_evenly_whatever_the_wall_clock_is_set_to() {
        const HOUR: u64 = 3_600_000;
        let year = UnixMillis(1_800_000_000_000);
        let slack = u64::try_from(SLACK.as_millis()).unwrap();
        for (set, even) in [
            (year.0 + HOUR, true),
            (year.0 + HOUR + slack, true),
            (year.0 + HOUR - slack, true),
            (year.0 + HOUR + slack + 1, false),
            (year.0 + HOUR - slack - 1, false),
            (0, false),
            (u64::MAX, false),
        ] {
            let dial = Dial::new(year);
            let clock = dial.clock();
            dial.pass(Duration::from_secs(3600));
            dial.set(UnixMillis(set));
            let expected = if even { set } else { year.0 + HOUR };
            assert_eq!((clock.jump().is_none(), clock.now().0), (even, expected), "{set}");
            clock.accept(clock.reading());
            assert_eq!((clock.jump(), clock.now().0), (None, set));
        }
    }

    #[test]
    fn the_kernels_clocks_go_on_evenly() {
        let clock = Clock::start();
        let before = clock.reading();
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.reading().uptime - before.uptime;
        assert!(passed >= Duration::from_millis(20) && clock.jump().is_none(), "{passed:?}");
    }
}

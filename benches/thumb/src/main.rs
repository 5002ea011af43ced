//! The smallest program that reads a package out of memory, as a Cortex-M would out of its flash.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

use update_pack::Limits;
use update_pack::trust::{PublicKey, Trust};
use update_pack::verify::Reader;

/// Hands out a stretch of memory and takes nothing back: it is the size of code that is measured.
struct Bump(AtomicUsize);

#[global_allocator]
static ALLOCATOR: Bump = Bump(AtomicUsize::new(0x2000_0000));

// SAFETY: every address is handed out once.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let end = self.0.load(Ordering::Relaxed).next_multiple_of(layout.align());
        self.0.store(end + layout.size(), Ordering::Relaxed);
        core::ptr::with_exposed_provenance_mut(end)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Checks a package of `len` bytes at `at` against the key at `key`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _start(at: *const u8, len: usize, key: *const [u8; 32]) -> bool {
    // SAFETY: the caller's promise.
    let (package, key) = unsafe { (core::slice::from_raw_parts(at, len), *key) };
    let Some(key) = PublicKey::new(key) else { return false };
    let trust = Trust::one(key);
    let mut reader = Reader::new(Limits::default(), trust.clone());
    while let Some(need) = reader.need() {
        let start = usize::try_from(need.offset).unwrap_or(usize::MAX).min(package.len());
        let end = start.saturating_add(need.len as usize).min(package.len());
        if reader.feed(package.get(start..end).unwrap_or_default()).is_err() {
            return false;
        }
    }
    let whole = reader.finish().is_some();
    #[cfg(feature = "engine")]
    let whole = whole && apply(package, trust);
    whole
}

/// Runs the engine as far as a storage that has nothing lets it: all of it is linked.
#[cfg(feature = "engine")]
fn apply(package: &[u8], trust: Trust) -> bool {
    use core::time::Duration;
    use update_pack::engine::{Answer, Config, Effect, Engine, Failure, Goal, Input, Output};
    let mut engine = Engine::new(Config::default(), Goal::Apply(trust));
    while !engine.is_finished() {
        let (id, answer) = match engine.poll_output() {
            Some(Output::Storage { id, effect: Effect::ReadPackage { offset, len } }) => {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX).min(package.len());
                let end = start.saturating_add(*len as usize).min(package.len());
                (id, Some(Answer::Bytes(package.get(start..end).unwrap_or_default())))
            }
            Some(Output::Storage { id, effect: Effect::Barrier }) => (id, Some(Answer::Done)),
            Some(Output::Storage { id, .. }) => (id, None),
            Some(Output::Event(_)) => continue,
            None => break,
        };
        let input = match answer {
            Some(answer) => Input::Done { id, answer },
            None => Input::Failed { id, failure: Failure::NotFound },
        };
        if engine.handle(Duration::ZERO, input).is_err() {
            return false;
        }
    }
    engine.is_finished()
}

// SPDX-License-Identifier: MIT
//! Losses of events are reported.

use std::time::Duration;

use taskdiag::events::{
    ConnectorOptions, Event, EventKind, EventSource as _, Events, FilteredBy, Lost,
};

use crate::children::Child;
use crate::{exits, serialize};

/// Space for a few events.
const SMALL: usize = 16 << 10;
/// More events than the space can hold.
const MANY: u32 = 200;

fn run_children(count: u32) {
    for _ in 0..count {
        Child::fork(|| 0).wait();
    }
}

fn drain(connector: &mut taskdiag::events::Connector) -> Vec<Event> {
    let next = || connector.next_event(Some(Duration::ZERO)).unwrap();
    std::iter::from_fn(next).collect()
}

fn gaps(events: &[Event]) -> u32 {
    let gaps = events.iter().filter_map(|event| match event.kind {
        EventKind::Lost(Lost::Gap { events }) => Some(events),
        _ => None,
    });
    gaps.sum()
}

fn overflows(events: &[Event]) -> usize {
    let overflow = EventKind::Lost(Lost::Overflow);
    events.iter().filter(|event| event.kind == overflow).count()
}

#[test]
#[ignore = "needs the proc connector"]
fn full_buffer_is_reported_and_its_losses_counted() {
    let _serial = serialize();
    let mut connector = ConnectorOptions::new(Events::all())
        .buffer(SMALL)
        .listen()
        .unwrap();
    assert!(connector.counts_losses());
    // Counting starts with the first message of each CPU.
    run_children(20);
    drain(&mut connector);
    let before = connector.receives();

    run_children(MANY);
    let events = drain(&mut connector);
    assert!(overflows(&events) >= 1);

    // Later events are delivered again, and show how many are missing.
    let (mut later, mut again) = (Vec::new(), 0);
    for _ in 0..50 {
        let child = Child::fork(|| 5);
        let pid = child.pid();
        child.wait();
        let now = drain(&mut connector);
        again += usize::from(exits(&now).get(&pid) == Some(&(5 << 8)));
        later.extend(now);
    }
    assert!(again > 0);
    let received = connector.receives() - before;
    let missing = gaps(&later) + gaps(&events);
    println!("{missing} missing, {received} received");
    assert!(u64::from(missing) + received >= u64::from(2 * MANY + 2 * 50));
    assert!(missing > MANY);
}

#[test]
#[ignore = "needs the proc connector"]
fn overflow_is_reported_with_the_filter_of_the_kernel() {
    let _serial = serialize();
    let mut connector = ConnectorOptions::new(Events::EXIT)
        .buffer(SMALL)
        .listen()
        .unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "requires Linux 6.6"
    );
    run_children(MANY);
    let events = drain(&mut connector);
    assert_eq!((overflows(&events), gaps(&events)), (1, 0));
    run_children(1);
    let later = drain(&mut connector);
    assert_eq!((overflows(&later), gaps(&later)), (0, 0));
    assert!(!later.is_empty());
}

#[test]
#[ignore = "needs the proc connector"]
fn large_buffer_loses_no_event() {
    let _serial = serialize();
    for by in [FilteredBy::Kernel, FilteredBy::Client] {
        let mut connector = ConnectorOptions::new(Events::EXIT)
            .filtered_by(by)
            .listen()
            .unwrap();
        assert!(connector.buffer() >= 1 << 20, "{}", connector.buffer());
        run_children(MANY);
        let events = drain(&mut connector);
        assert!(!events.iter().any(Event::is_lost), "{by:?}");
        assert!(events.len() >= MANY as usize);
    }
}

// SPDX-License-Identifier: MIT
//! What is lost is told of.

use std::time::Duration;

use taskdiag::events::{
    ConnectorOptions, Event, EventKind, EventSource as _, Events, FilteredBy, Lost,
};

use crate::children::Child;
use crate::{exits, serialize};

/// Room for some events.
const SMALL: usize = 16 << 10;
/// More than there is room for.
const MANY: u32 = 200;

fn lives(count: u32) {
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
fn a_full_buffer_is_told_and_then_counted() {
    let _serial = serialize();
    let mut connector = ConnectorOptions::new(Events::all())
        .buffer(SMALL)
        .listen()
        .unwrap();
    assert!(connector.counts_losses());
    // The first message of each CPU is where counting begins.
    lives(20);
    drain(&mut connector);
    let before = connector.receives();

    lives(MANY);
    let told = drain(&mut connector);
    assert!(overflows(&told) >= 1);

    // What comes next is told again, and tells how many are missing.
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
    let missing = gaps(&later) + gaps(&told);
    println!("{missing} missing, {received} received");
    assert!(u64::from(missing) + received >= u64::from(2 * MANY + 2 * 50));
    assert!(missing > MANY);
}

#[test]
#[ignore = "needs the proc connector"]
fn with_the_kernel_s_filter_an_overflow_is_told_too() {
    let _serial = serialize();
    let mut connector = ConnectorOptions::new(Events::EXIT)
        .buffer(SMALL)
        .listen()
        .unwrap();
    assert_eq!(
        connector.filtered_by(),
        FilteredBy::Kernel,
        "this needs Linux 6.6"
    );
    lives(MANY);
    let told = drain(&mut connector);
    assert_eq!((overflows(&told), gaps(&told)), (1, 0));
    lives(1);
    let later = drain(&mut connector);
    assert_eq!((overflows(&later), gaps(&later)), (0, 0));
    assert!(!later.is_empty());
}

#[test]
#[ignore = "needs the proc connector"]
fn nothing_is_lost_where_there_is_room() {
    let _serial = serialize();
    for by in [FilteredBy::Kernel, FilteredBy::Client] {
        let mut connector = ConnectorOptions::new(Events::EXIT)
            .filtered_by(by)
            .listen()
            .unwrap();
        assert!(connector.buffer() >= 1 << 20, "{}", connector.buffer());
        lives(MANY);
        let told = drain(&mut connector);
        assert!(!told.iter().any(Event::is_lost), "{by:?}");
        assert!(told.len() >= MANY as usize);
    }
}

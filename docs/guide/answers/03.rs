//! Answer 03: `?` leaves `talk` before its last line. A value with `Drop` gives the place back on every way out, also
//! after a panic.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::{sync::Arc, thread};

/// One of the clients that are counted.
struct Place(Arc<AtomicUsize>);

impl Place {
    /// Only one thread takes places, so none is taken between the two steps.
    fn take(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let has_room = count.load(SeqCst) < most;
        has_room.then(|| {
            count.fetch_add(1, SeqCst);
            Self(Arc::clone(count))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Serves clients until the listener fails.
pub fn serve(listener: TcpListener, most: usize) {
    let count = Arc::new(AtomicUsize::new(0));
    for mut control in listener.incoming().flatten() {
        let Some(place) = Place::take(&count, most) else {
            let _ = control.write_all(b"421 Too many clients\r\n");
            continue;
        };
        thread::spawn(move || {
            let _place = place;
            talk(control)
        });
    }
}

fn talk(mut control: TcpStream) -> io::Result<()> {
    control.write_all(b"220 Ready\r\n")?;
    for line in BufReader::new(control.try_clone()?).lines() {
        let line = line?;
        if line == "QUIT" {
            return control.write_all(b"221 Bye\r\n");
        }
        control.write_all(b"502 Not implemented\r\n")?;
    }
    Ok(())
}

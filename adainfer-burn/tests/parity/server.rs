//! A server on loopback that ends with the process.

use std::net::TcpListener;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use adainfer_burn::backend::{RemoteDevice, remote_device};

pub(crate) fn device() -> Result<RemoteDevice, String> {
    static PORT: OnceLock<u16> = OnceLock::new();
    let port = *PORT.get_or_init(|| {
        // A port that was free just now.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        thread::spawn(move || adainfer_burn::serve(&adainfer_burn::Device::Cpu, port));
        port
    });
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match remote_device(&format!("ws://127.0.0.1:{port}")) {
            Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            found => return found.map_err(|error| error.to_string()),
        }
    }
}

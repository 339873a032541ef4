//! A server on loopback that ends with the process.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use adainfer_burn::backend::remote_device;
use adainfer_burn::{Device, serve};

/// Starts it and waits until it answers.
pub(crate) fn start() -> Result<Device, String> {
    // A port that was free just now.
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    thread::spawn(move || serve(&Device::Cpu, port));
    let address = format!("ws://127.0.0.1:{port}");
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match remote_device(&address) {
            Ok(_) => return Ok(Device::Remote(address)),
            Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error.to_string()),
        }
    }
}

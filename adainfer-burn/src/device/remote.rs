use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use burn_remote::RemoteDevice;

use super::{Device, DeviceError, is_address};

/// A server that runs is there in far less.
const PATIENCE: Duration = Duration::from_secs(5);

/// The device of the server at `ws://host:port`; see [`Device::Remote`].
///
/// Connects once to see whether it answers, as burn's client panics where it does not; it also does where a
/// server goes away later, and the process is aborted. Nothing is encrypted and nobody is asked for a password: for
/// networks that are trusted.
///
/// # Errors
/// [`DeviceError::Unknown`] where this is no such address, and [`DeviceError::NotFound`] where no server of
/// burn's remote backend answers.
pub fn remote_device(address: &str) -> Result<RemoteDevice, DeviceError> {
    let name = Device::Remote(address.to_owned()).to_string();
    let place = address.strip_prefix("ws://").filter(|_| is_address(address));
    let Some(place) = place else {
        return Err(DeviceError::Unknown { name, available: super::available() });
    };
    match greet(place) {
        Ok(()) => Ok(RemoteDevice::new(address)),
        Err(error) => Err(DeviceError::NotFound { name, reason: error.to_string() }),
    }
}

/// Asks for a WebSocket (RFC 6455, section 4.1), where burn's client does, and hangs up.
fn greet(place: &str) -> io::Result<()> {
    let mut stream = connect(place)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!(
        "GET /request HTTP/1.1\r\nHost: {place}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YWRhaW5mZXItZ3JlZXRpbg==\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    match &answer {
        b"HTTP/1.1 101" => Ok(()),
        other => {
            let other = String::from_utf8_lossy(other).into_owned();
            Err(io::Error::other(format!("it answers {other:?} and is no server of burn's remote backend")))
        }
    }
}

fn connect(place: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

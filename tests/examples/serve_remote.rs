//! A server and its clients, all on this machine. Every wait ends.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{MODELS, example, folder, golden, printed, refused};

/// A server that ends with the test.
struct Server {
    process: Child,
    device: String,
}

impl Server {
    fn start() -> Self {
        let port = free_port();
        let mut command = example("serve_remote");
        command.args(["--device", "cpu", "--port", &port.to_string()]).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(process.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, format!("cpu will be served at ws://0.0.0.0:{port} until Ctrl-C\n"));
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the server does not listen");
            sleep(Duration::from_millis(20));
        }
        Self { process, device: format!("remote:ws://127.0.0.1:{port}") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// One that was free just now.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn models_run_on_a_server_as_they_do_here() {
    let server = Server::start();
    for model in MODELS {
        let prompt = &golden(model).prompts[1];
        let (folder, tokens) = (folder(model), prompt.tokens());
        let mut args = vec!["--model", &folder, "--tokens", &tokens, "--device", &server.device];
        for line in printed("trace", &args).lines().zip(&prompt.features["top_prob"]) {
            let found: Value = serde_json::from_str(line.0).unwrap();
            let off = found["top_prob"].as_f64().unwrap() - line.1.as_f64().unwrap();
            assert!(off.abs() < 1e-5, "{model}: {off}");
        }
        args.extend(["--max-tokens", "8", "--json"]);
        let found: Value = serde_json::from_str(&printed("generate", &args)).unwrap();
        let made = found["tokens"].as_array().unwrap();
        assert_eq!(made[..], prompt.greedy8[..made.len()]);
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let device = format!("remote:ws://127.0.0.1:{}", free_port());
    let said = refused("trace", &["--model", &folder("opt-pre"), "--tokens", "5", "--device", &device], 1);
    assert!(said.contains(&format!("there is no device {device}: ")), "{said}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind(("0.0.0.0", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = refused("serve_remote", &["--port", &port], 1);
    assert!(said.contains(&format!("cannot listen on port {port}")), "{said}");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let said = refused("serve_remote", &["--device", "remote:ws://127.0.0.1:3000"], 1);
    assert!(said.contains("another server's"), "{said}");
    assert!(refused("serve_remote", &["--port", "0"], 2).contains("--port"));
    assert!(refused("serve_remote", &["--device", "gpu"], 2).contains("this build has: cpu"));
}

/// By Ctrl-C, which is the signal that it waits for.
#[cfg(unix)]
#[test]
fn a_server_ends_when_it_is_asked_to() {
    let mut server = Server::start();
    let pid = server.process.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let until = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = server.process.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < until, "it goes on");
        sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{status}");
}

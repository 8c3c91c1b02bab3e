//! A local host for the demo and the browser tests, with the headers that a careful host sends.

mod files;
mod http;

use std::io::BufReader;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::paths;
pub use files::Encoding;
use files::Files;
use http::{Delivery, Request, Response};

/// No inline script, no foreign host but for weights, and no eval but for wasm.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; \
    connect-src 'self' blob: data: https: http://localhost:* http://127.0.0.1:*";

/// An idle connection is given up after this long, so that its thread ends.
const IDLE: Duration = Duration::from_secs(60);

/// How `/faults/slow` goes out unless the query says otherwise: two seconds in all.
const SLOW_PIECES: u32 = 40;
const SLOW_PAUSE_MS: u64 = 50;

/// Which of the two ports a request came in by.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    /// The site.
    Site,
    /// Another origin with the same files: those under `/cors/` with leave to read them, the rest without.
    Other,
}

struct Host {
    files: Files,
    faults: bool,
}

/// A server on threads of its own, which end with the process.
pub struct Server {
    /// Where the site is, with a slash at the end.
    pub url: String,
    /// Where the other origin is, in fixtures mode.
    pub other_origin: Option<String>,
}

impl Server {
    /// Serves target/site on a port (0 means any); in fixtures mode also `/fixtures/`, `/suite/`, `/faults/`, and the
    /// other origin.
    pub fn start(port: u16, fixtures: bool) -> Result<Self> {
        let mut mounts = vec![("/", paths::at("target/site"))];
        if fixtures {
            mounts.push(("/suite/", paths::at("target/suite")));
            mounts.extend(paths::fixtures().map(|folder| ("/fixtures/", folder)));
        }
        let host = Arc::new(Host { files: Files::new(mounts), faults: fixtures });
        let url = format!("http://127.0.0.1:{}/", listen(port, &host, Origin::Site)?);
        let other_origin = match fixtures {
            true => Some(format!("http://localhost:{}/", listen(0, &host, Origin::Other)?)),
            false => None,
        };
        Ok(Self { url, other_origin })
    }

    /// The lines that scripts read the addresses from.
    pub fn print(&self) {
        println!("serving {}", self.url);
        if let Some(url) = &self.other_origin {
            println!("other-origin {url}");
        }
    }
}

/// Serves until the process is stopped.
pub fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

fn listen(port: u16, host: &Arc<Host>, origin: Origin) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} of 127.0.0.1 cannot be used; choose another by --port N"))?;
    let port = listener.local_addr()?.port();
    let host = host.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let host = host.clone();
            // A browser that goes away in the middle of an answer is no event.
            std::thread::spawn(move || host.converse(stream, origin).ok());
        }
    });
    Ok(port)
}

impl Host {
    fn converse(&self, stream: TcpStream, origin: Origin) -> Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_nodelay(true)?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader)? {
            let response = self.answer(&request, origin).unwrap_or_else(|error| {
                eprintln!("serving {}: {error:#}", request.path);
                Response::text("500 Internal Server Error", &format!("{error:#}"))
            });
            if !response.send(&mut writer, &request)? {
                break;
            }
        }
        Ok(())
    }

    fn answer(&self, request: &Request, origin: Origin) -> Result<Response> {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Ok(Response::text("405 Method Not Allowed", "Only GET and HEAD are answered.")
                .header("Allow", "GET, HEAD"));
        }
        if origin == Origin::Other {
            return Ok(match request.path.strip_prefix("/cors") {
                Some(path) => self
                    .find(request, path)?
                    .header("Access-Control-Allow-Origin", "*")
                    .header("Cross-Origin-Resource-Policy", "cross-origin"),
                None => self.find(request, &request.path)?,
            });
        }
        Ok(self
            .find(request, &request.path)?
            .header("Cross-Origin-Opener-Policy", "same-origin")
            .header("Cross-Origin-Embedder-Policy", "require-corp")
            .header("Cross-Origin-Resource-Policy", "same-origin")
            .header("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            .header("X-Content-Type-Options", "nosniff"))
    }

    fn find(&self, request: &Request, path: &str) -> Result<Response> {
        match path.strip_prefix("/faults/") {
            Some(fault) if self.faults => Ok(self.fault(request, fault)),
            _ => self.files.answer(request, path),
        }
    }

    /// Answers that a download must survive: `404`, `html`, `truncated?path=`, `slow?path=&pieces=&pause_ms=`.
    fn fault(&self, request: &Request, fault: &str) -> Response {
        let number = |name: &str| request.query.get(name).and_then(|value| value.parse().ok());
        let delivery = match fault {
            "html" => {
                let page = "<!doctype html><title>Not what you asked for</title><p>A page in place of weights.\n";
                return Response::new("200 OK", "text/html; charset=utf-8", page.as_bytes());
            }
            "truncated" => Delivery::Truncated,
            "slow" => {
                let pieces = number("pieces").and_then(|pieces| u32::try_from(pieces).ok()).unwrap_or(SLOW_PIECES);
                Delivery::Slow(pieces, Duration::from_millis(number("pause_ms").unwrap_or(SLOW_PAUSE_MS)))
            }
            _ => return Response::text("404 Not Found", "There is nothing here, on purpose."),
        };
        let path = request.query.get("path").map_or("", String::as_str);
        match self.files.read(path) {
            Some((body, mime)) => {
                Response::new("200 OK", mime, body).header("Cache-Control", "no-store").delivered(delivery)
            }
            None => Response::text("404 Not Found", &format!("?path= names no file: {path:?}.")),
        }
    }
}

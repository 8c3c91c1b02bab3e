//! As much of HTTP/1.1 as a development server needs: GET and HEAD over kept connections.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longest request head that is read.
const MAX_HEAD_BYTES: u64 = 64 * 1024;

/// What a browser asks for.
pub struct Request {
    /// `GET`, `HEAD` …
    pub method: String,
    /// Decoded, beginning with a slash, without the query.
    pub path: String,
    /// The query's parameters, decoded.
    pub query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

impl Request {
    /// The next request of a connection; `None` once the other side has closed it.
    pub fn read(stream: &mut BufReader<TcpStream>) -> Result<Option<Self>> {
        let mut head = stream.take(MAX_HEAD_BYTES);
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            bail!("not a request line: {line:?}");
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parameter = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(key)?, decode(value)?))
        };
        let query = query.split('&').filter(|pair| !pair.is_empty()).filter_map(parameter).collect();
        let mut request = Self {
            method: method.to_owned(),
            path: decode(path).with_context(|| format!("not a path: {path:?}"))?,
            query,
            headers: BTreeMap::new(),
        };
        loop {
            let mut line = String::new();
            if head.read_line(&mut line)? == 0 {
                bail!("a request without an end");
            }
            let line = line.trim_end();
            if line.is_empty() {
                return Ok(Some(request));
            }
            if let Some((name, value)) = line.split_once(':') {
                request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
        }
    }

    /// A header by lower-case name; empty when it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// How the body goes out.
#[derive(Clone, Copy, PartialEq)]
pub enum Delivery {
    /// As fast as it can.
    Whole,
    /// The first half, under the length of the whole; then the connection closes.
    Truncated,
    /// In this many pieces with a pause before each.
    Slow(u32, Duration),
}

/// What the browser gets.
pub struct Response {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Arc<[u8]>,
    delivery: Delivery,
}

impl Response {
    /// A response of this status and type.
    pub fn new(status: &'static str, mime: &str, body: impl Into<Arc<[u8]>>) -> Self {
        Self { status, headers: vec![("Content-Type", mime.to_owned())], body: body.into(), delivery: Delivery::Whole }
    }

    /// A sentence for whoever reads the network panel.
    pub fn text(status: &'static str, sentence: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", format!("{sentence}\n").into_bytes())
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says how the body goes out.
    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Sends it; answers whether the connection may be used again.
    pub fn send(&self, stream: &mut TcpStream, request: &Request) -> Result<bool> {
        let keep = self.delivery != Delivery::Truncated && !request.header("connection").eq_ignore_ascii_case("close");
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Connection: {}\r\n", if keep { "keep-alive" } else { "close" });
        if !self.status.starts_with("304") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        stream.write_all(head.as_bytes())?;
        if request.method != "HEAD" {
            self.send_body(stream)?;
        }
        stream.flush()?;
        Ok(keep)
    }

    fn send_body(&self, stream: &mut TcpStream) -> Result<()> {
        match self.delivery {
            Delivery::Whole => stream.write_all(&self.body)?,
            Delivery::Truncated => stream.write_all(&self.body[..self.body.len() / 2])?,
            Delivery::Slow(pieces, pause) => {
                let length = self.body.len().div_ceil(pieces.max(1) as usize).max(1);
                for piece in self.body.chunks(length) {
                    std::thread::sleep(pause);
                    stream.write_all(piece)?;
                    stream.flush()?;
                }
            }
        }
        Ok(())
    }
}

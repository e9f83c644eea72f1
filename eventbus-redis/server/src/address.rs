//! Where a server is, and a client of a few lines.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// A port of this machine at which a server answers.
#[derive(Clone, Debug)]
pub struct Address {
    pub(crate) port: u16,
    pub(crate) password: Option<String>,
}

impl Address {
    /// The URL, with the password if there is one.
    pub fn url(&self) -> String {
        match &self.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// Sends one command, and gives the answer as text: an array's items are separated by spaces, an error begins with `-`.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn cli(&self, command: &[&str]) -> String {
        self.ask(command).expect("the server should answer")
    }

    /// The same, if the server answers.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn try_cli(&self, command: &[&str]) -> io::Result<String> {
        self.ask(command)
    }

    pub(crate) fn ask(&self, command: &[impl AsRef<[u8]>]) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_nodelay(true)?;
        if let Some(password) = &self.password {
            stream.write_all(&encode(&["AUTH", password]))?;
            read_answer(&mut stream)?;
        }
        stream.write_all(&encode(command))?;
        read_answer(&mut stream)
    }
}

fn encode(command: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for part in command.iter().map(AsRef::as_ref) {
        bytes.extend([format!("${}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat());
    }
    bytes
}

fn read_answer(stream: &mut TcpStream) -> io::Result<String> {
    let line = read_line(stream)?;
    let length = || line[1..].parse::<i64>().map_err(io::Error::other);
    Ok(match line.as_bytes().first() {
        Some(b'+' | b':') => line[1..].to_owned(),
        Some(b'$') => match usize::try_from(length()?) {
            Ok(length) => {
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes)?;
                String::from_utf8_lossy(&bytes[..length]).into_owned()
            }
            Err(_) => String::new(),
        },
        Some(b'*') => {
            let items: Result<Vec<_>, _> = (0..length()?.max(0)).map(|_| read_answer(stream)).collect();
            items?.join(" ")
        }
        _ => line,
    })
}

fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).map_err(io::Error::other)
}

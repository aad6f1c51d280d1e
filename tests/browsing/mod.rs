//! A real browser, driven over the pipe that it has for that: keys are keys, and what it answers is
//! what a reader would see.

use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Seconds after which the browser is ended, whatever it does.
const MOST: &str = "100";

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    number: u64,
    session: Option<String>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts one; `None`, and a word, where there is none.
    pub fn start(width: u32, height: u32) -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let there = |name: &&&str| {
            Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let Some(name) = names.iter().find(there) else {
            eprintln!("skipped: no chromium is installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let pipes = ["to", "from"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        let child = Command::new("sh")
            .args(["-c", "exec timeout -k 5 \"$MOST\" \"$@\" 3<\"$TO\" 4>\"$FROM\"", "sh", name])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-pipe", "--no-first-run", "--disable-background-networking"])
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("MOST", MOST)
            .env("TO", &pipes[0])
            .env("FROM", &pipes[1])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = OpenOptions::new().write(true).open(&pipes[0]).unwrap();
        let from = BufReader::new(File::open(&pipes[1]).unwrap());
        Some(Self { child, to, from, number: 0, session: None, _folder: folder })
    }

    /// Asks it, and waits for the answer.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser ended");
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// Opens a page of the disk and waits until its script ran.
    pub fn open(&mut self, page: &Path) {
        let url = format!("file://{}", page.display());
        let target = self.ask("Target.createTarget", json!({"url": url}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.ask("Target.attachToTarget", target);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        let until = Instant::now() + Duration::from_secs(30);
        while self.value("document.readyState === 'complete' && document.body.className") != "live"
        {
            assert!(Instant::now() < until, "the page's script did not run");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What an expression gives in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Presses a key: a letter, or its name.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            "." => 190,
            "/" => 191,
            key => u32::from(key.to_ascii_uppercase().as_bytes()[0]),
        };
        let mut down = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        match key {
            "Enter" => down["text"] = json!("\r"),
            key if key.len() == 1 => down["text"] = json!(key),
            _ => {}
        }
        self.ask("Input.dispatchKeyEvent", down);
        let up = json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code});
        self.ask("Input.dispatchKeyEvent", up);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        self.number += 1;
        let close = json!({"id": self.number, "method": "Browser.close"}).to_string() + "\0";
        // Where it does not listen any more, it has ended.
        let _ = self.to.write_all(close.as_bytes());
        let _ = self.child.wait();
    }
}

//! RETR, STOR, APPE and STOU; how a transfer begins, and how it ends.

use super::arguments::names_directory;
use super::expected::{Content, Expected, Text};
use super::script::payload;
use super::text::{decoded, doubled, received_text, translated};
use super::tree::{Node, Path};
use super::{Armed, Done, Model, Part, Refused, Running, Storing, WINDOW, Work};

impl Model {
    pub(super) fn retrieve(&mut self, argument: &[u8], part: Part) -> Done {
        self.must("read")?;
        let bytes = self.file(argument)?;
        let bytes = if self.is_ascii {
            translated(bytes)
        } else {
            bytes.to_vec()
        };
        let size = bytes.len() as u64;
        let part = match part {
            Part::Whole => 0..size,
            Part::From(first) if first <= size => first..size,
            Part::Range(..) if self.is_ascii => return Err(Refused::No(504)),
            Part::Range(first, last) if first <= size => first..last.saturating_add(1).min(size),
            Part::From(_) | Part::Range(..) => return Err(Refused::No(554)),
        };
        let bytes = bytes[part.start as usize..part.end as usize].to_vec();
        let text = if self.is_ascii || self.is_deflated {
            Text::Any
        } else {
            let text = format!("Opening BINARY mode data connection ({} bytes)", bytes.len());
            Text::Is(text.into_bytes())
        };
        self.start(Work::Send(Content::Bytes(bytes)), text);
        Ok(())
    }

    /// The path of a file to store.
    pub(super) fn file_to_make(&self, argument: &[u8]) -> Result<Path, Refused> {
        let path = self.path_to_make(argument)?;
        if names_directory(argument) {
            let is_file = self.tree.entry(&path).is_ok_and(|node| !node.is_directory());
            // The path of a file has none beneath it.
            let is_below_file =
                (1..path.len()).any(|length| self.tree.target(&path[..length]).is_ok_and(|node| !node.is_directory()));
            return Err(Refused::No(if is_file || is_below_file { 550 } else { 553 }));
        }
        Ok(path)
    }

    /// Whether a whole file may be stored as `path`: 550, or 553 if a directory has the name.
    pub(super) fn must_be_storable(&self, path: &Path, may_replace: bool) -> Done {
        if !self.tree.has_directory_of(path) {
            return Err(Refused::No(550));
        }
        match (self.tree.entry(path), self.tree.target(path)) {
            (Err(_), _) => Ok(()),
            (Ok(_), Ok(Node::Directory(_))) => Err(Refused::No(553)),
            (Ok(_), Ok(_)) if may_replace => Ok(()),
            (Ok(_), Ok(_)) => Err(Refused::No(553)),
            // A link that leads nowhere is not replaced.
            (Ok(_), Err(_)) => Err(Refused::No(550)),
        }
    }

    pub(super) fn store(&mut self, argument: &[u8], part: Part) -> Done {
        let may_replace = self.must("overwrite").is_ok();
        let how = match part {
            Part::Whole => {
                if !may_replace {
                    self.must("create")?;
                }
                Storing::Whole
            }
            Part::From(offset) => {
                self.must("overwrite")?;
                if self.is_ascii {
                    return Err(Refused::No(504));
                }
                Storing::From(offset)
            }
            Part::Range(..) => return Err(Refused::No(504)),
        };
        let path = self.file_to_make(argument)?;
        match how {
            Storing::From(offset) => match self.tree.target(&path) {
                Ok(Node::File { bytes, .. }) if offset <= bytes.len() as u64 => {}
                Ok(Node::File { .. }) => return Err(Refused::No(554)),
                Ok(Node::Directory(_)) => return Err(Refused::No(553)),
                Ok(Node::Link(_)) | Err(_) => return Err(Refused::No(550)),
            },
            Storing::Whole | Storing::Append => self.must_be_storable(&path, may_replace)?,
        }
        self.start_upload(path, how, Text::Any);
        Ok(())
    }

    pub(super) fn append(&mut self, argument: &[u8], part: Part) -> Done {
        self.must("append")?;
        if let Part::Range(..) = part {
            return Err(Refused::No(504));
        }
        let path = self.file_to_make(argument)?;
        self.must_be_storable(&path, true)?;
        let is_new = self.tree.entry(&path).is_err();
        let how = if is_new { Storing::Whole } else { Storing::Append };
        self.start_upload(path, how, Text::Any);
        Ok(())
    }

    pub(super) fn store_unique(&mut self, argument: &[u8], part: Part) -> Done {
        self.must("create")?;
        if let Part::Range(..) = part {
            return Err(Refused::No(504));
        }
        let mut path = self.file_to_make(if argument.is_empty() { b"upload" } else { argument })?;
        if !self.tree.has_directory_of(&path) {
            return Err(Refused::No(550));
        }
        let stem = path.pop().unwrap_or_default();
        let stem = [&stem[..], b"."].concat();
        // A client cannot give this name.
        path.push(b"\0unique".to_vec());
        if self.armed != Armed::Nothing && self.armed != (Armed::Active { answers: false }) {
            self.unique = Some(path.clone());
        }
        self.start_upload(path, Storing::Whole, Text::Unique(doubled(&stem, 0xff)));
        Ok(())
    }

    pub(super) fn start_upload(&mut self, path: Path, how: Storing, text: Text) {
        let number = self.uploads;
        let before = self.out.len();
        self.start(Work::Store { path, how, number }, text);
        let is_opened = matches!(self.out.get(before), Some(Expected::Reply(150, _)));
        self.uploads += u32::from(is_opened);
    }

    /// Every transfer needs a data connection of its own (threat B07).
    pub(super) fn start(&mut self, work: Work, opening: Text) {
        let armed = std::mem::replace(&mut self.armed, Armed::Nothing);
        let is_there = match armed {
            Armed::Nothing | Armed::Active { answers: false } => return self.reply(425),
            Armed::Passive { has_arrived } => has_arrived,
            Armed::Active { answers: true } => true,
        };
        self.say(150, opening);
        self.running = Some(Running {
            work,
            is_ascii: self.is_ascii,
            is_deflated: self.is_deflated,
            is_held: false,
        });
        // What was sent together with the command is read before a byte is moved: STAT is answered during the transfer,
        // ABOR ends it.
        self.report_progress();
        if is_there && !self.holds_abor() {
            self.finish_transfer();
        }
    }

    /// The client connects to the port that was announced last.
    pub(super) fn data_connection(&mut self, holds: bool) {
        match (&mut self.running, self.armed) {
            (Some(running), _) if !running.is_held => {
                if holds {
                    running.is_held = true;
                } else {
                    self.finish_transfer();
                }
            }
            // Nobody expects it: it is closed.
            (Some(_), _) | (None, Armed::Nothing | Armed::Active { .. }) => {}
            (None, Armed::Passive { has_arrived: false }) => self.armed = Armed::Passive { has_arrived: true },
            // Two that contend for a port are both refused (threat D07).
            (None, Armed::Passive { has_arrived: true }) => self.armed = Armed::Nothing,
        }
    }

    pub(super) fn finish_transfer(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let is_deflated = running.is_deflated;
        match running.work {
            Work::Send(content) => {
                self.out.push(Expected::Data { is_deflated, content });
                self.reply(226);
            }
            Work::Store { path, how, number } => {
                let mut bytes = payload(self.seed, number);
                if is_deflated {
                    match decoded(&bytes) {
                        Some(plain) => bytes = plain,
                        // Not a complete stream: nothing is stored, except what was written in place.
                        None => {
                            self.reply(451);
                            return;
                        }
                    }
                }
                if running.is_ascii {
                    bytes = received_text(&bytes, true);
                }
                self.write(&path, how, &bytes, true);
                self.reply(226);
            }
        }
    }

    /// ABOR: 426, or 226 if all bytes have been moved. What was written in place stays.
    pub(super) fn abort_transfer(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let mut code = 426;
        match running.work {
            Work::Send(content) if running.is_held => {
                if let Content::Bytes(bytes) = &content
                    && (bytes.len() > WINDOW && !running.is_deflated)
                {
                    // It does not fit into the window.
                } else {
                    code = 226;
                }
            }
            Work::Store { path, how, number } if running.is_held && how != Storing::Whole && !running.is_deflated => {
                let sent = payload(self.seed, number);
                let sent = &sent[..sent.len() / 2];
                let bytes = if running.is_ascii {
                    received_text(sent, false)
                } else {
                    sent.to_vec()
                };
                self.write(&path, how, &bytes, false);
            }
            Work::Send(_) | Work::Store { .. } => {}
        }
        self.reply(code);
    }

    pub(super) fn write(&mut self, path: &Path, how: Storing, bytes: &[u8], is_complete: bool) {
        if how == Storing::Whole {
            let _ = self.tree.put(path, Node::file(bytes));
            return;
        }
        if bytes.is_empty() && !is_complete {
            return;
        }
        if let Some(Node::File {
            bytes: stored,
            modified,
        }) = self.tree.target_mut(path)
        {
            if let Storing::From(offset) = how {
                if bytes.is_empty() && offset == stored.len() as u64 {
                    // Nothing changes; whether the file has a new time is not said anywhere.
                    *modified = None;
                    return;
                }
                stored.truncate(offset as usize);
            }
            if !bytes.is_empty() || how != Storing::Append {
                *modified = None;
            }
            stored.extend_from_slice(bytes);
        }
    }
}

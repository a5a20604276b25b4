//! A line in: which verbs are understood in which state, and the commands without files.

use super::arguments::{extended_port, is_utf8_option, number, port, range, split_word};
use super::expected::{Content, Text};
use super::text::quoted;
use super::tree::Path;
use super::{AFTER_LOGIN, ALWAYS, Armed, Done, FACTS, FOREIGN, Login, Model, Part, REFUSED, Refused, Work};

impl Model {
    pub(super) fn command(&mut self, line: &[u8]) {
        let is_in = self.login == Login::In;
        if line.len() > if is_in { 4096 } else { 1024 } {
            self.reply(500);
            self.is_closed = true;
            return;
        }
        let blank = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let verb = String::from_utf8_lossy(&line[..blank]).to_ascii_uppercase();
        let argument = line.get(blank + 1..).unwrap_or_default();
        let is_open = ALWAYS.contains(&&*verb);
        let is_served = is_open || AFTER_LOGIN.contains(&&*verb);
        if is_served && !is_in && !is_open && !is_utf8_option(&verb, argument) {
            return self.reply(530);
        }
        let has_control = argument.iter().any(u8::is_ascii_control);
        let understood = match &*verb {
            _ if line.iter().all(|byte| *byte == b' ') => Err(Refused::Bad(0)),
            foreign if FOREIGN.contains(&foreign) || foreign.starts_with("SSH-") => {
                self.reply(500);
                self.is_closed = true;
                return;
            }
            _ if !is_served && !REFUSED.contains(&&*verb) => Err(Refused::Bad(500)),
            _ if has_control => Err(Refused::Bad(501)),
            _ if !is_served => Err(Refused::Bad(502)),
            _ => self.understood(&verb, argument),
        };
        match understood {
            Ok(()) => {}
            Err(Refused::No(code)) => self.reply(code),
            Err(Refused::Bad(code)) => {
                self.part = Part::Whole;
                self.renaming = None;
                // A refused address leaves no other in force (threat B10), nor does a protocol that does not exist.
                if matches!(&*verb, "PORT" | "EPRT") || code == 522 {
                    self.armed = Armed::Nothing;
                }
                // A blank line is not answered.
                if code > 0 {
                    self.reply(code);
                }
                self.count_bad();
            }
        }
    }

    pub(super) fn count_bad(&mut self) {
        self.bad += 1;
        if self.bad > if self.login == Login::In { 50 } else { 10 } {
            self.reply(421);
            self.is_closed = true;
        }
    }

    /// A verb that is served, and an argument without control bytes.
    pub(super) fn understood(&mut self, verb: &str, argument: &[u8]) -> Done {
        let is_in = self.login == Login::In;
        // What has to be checked before anything is changed, because a bad command changes nothing else.
        self.check_argument(verb, argument)?;
        if is_in && verb != "NOOP" {
            self.bad = 0;
        }
        let renaming = self.renaming.take();
        let part = self.part;
        if !matches!(
            verb,
            "REST" | "RANG" | "PASV" | "EPSV" | "PORT" | "EPRT" | "TYPE" | "SIZE"
        ) {
            self.part = Part::Whole;
        }
        match verb {
            "USER" => {
                let name = argument.trim_ascii().to_ascii_lowercase();
                let is_anonymous = matches!(&name[..], b"anonymous" | b"ftp");
                self.start_over(Login::UserGiven { is_anonymous });
                self.reply(331);
                if !is_in {
                    self.count_bad();
                }
            }
            "PASS" => return self.password(),
            "REIN" => {
                self.start_over(Login::Start);
                self.reply(220);
            }
            "QUIT" => {
                self.reply(221);
                self.is_closed = true;
            }
            "HOST" if self.login == Login::Start => self.reply(220),
            "HOST" => return Err(Refused::No(503)),
            "ACCT" | "ALLO" => self.reply(202),
            "NOOP" | "CLNT" | "PRET" | "STRU" => self.reply(200),
            "SYST" => self.reply(215),
            "HELP" => self.reply(214),
            "FEAT" => self.reply(211),
            "OPTS" => self.options(argument),
            "ABOR" => {
                self.armed = Armed::Nothing;
                self.reply(226);
            }
            "TYPE" => {
                self.is_ascii = argument.trim_ascii_start().to_ascii_uppercase().starts_with(b"A");
                self.reply(200);
            }
            "MODE" => {
                self.is_deflated = argument.trim_ascii().eq_ignore_ascii_case(b"Z");
                self.reply(200);
            }
            "REST" => {
                let offset = number(argument).unwrap_or(0);
                self.part = if offset == 0 { Part::Whole } else { Part::From(offset) };
                self.say(350, Text::Is(format!("Restarting at {offset}").into_bytes()));
            }
            "RANG" => match range(argument) {
                Some((1, 0)) | None => {
                    self.part = Part::Whole;
                    self.reply(350);
                }
                Some((first, last)) => {
                    self.part = Part::Range(first, last);
                    let text = format!("Restarting at {first}, ending at {last}");
                    self.say(350, Text::Is(text.into_bytes()));
                }
            },
            "PASV" | "PORT" | "EPRT" | "EPSV" => return self.arm(verb, argument),
            "PWD" | "XPWD" => {
                let text = quoted(&self.directory);
                self.say(257, Text::Begins(text));
            }
            "CWD" | "XCWD" => return self.change_directory(argument),
            "CDUP" | "XCUP" => {
                let mut above = self.directory.clone();
                above.pop();
                self.tree.directory(&above).map_err(|_| Refused::No(550))?;
                self.directory = above;
                self.reply(250);
            }
            "SIZE" => return self.size(argument),
            "MDTM" | "MFMT" => return self.time(verb, argument),
            "MLST" => return self.facts_of(argument),
            "LIST" | "NLST" | "MLSD" => {
                let content = self.listing(verb, argument)?;
                self.start(Work::Send(content), Text::Any);
            }
            "STAT" if argument.is_empty() => self.reply(211),
            "STAT" => match self.rows(argument, false, &[])? {
                Content::Rows(rows) => self.say(213, Text::Status(rows)),
                _ => return Err(Refused::No(550)),
            },
            "RETR" => return self.retrieve(argument, part),
            "STOR" => return self.store(argument, part),
            "APPE" => return self.append(argument, part),
            "STOU" => return self.store_unique(argument, part),
            "DELE" | "RMD" | "XRMD" => return self.remove(verb, argument),
            "MKD" | "XMKD" => return self.make_directory(argument),
            "RNFR" => return self.rename_from(argument),
            "RNTO" => return self.rename_to(renaming, argument),
            "SITE" => return self.site(argument),
            _ => return Err(Refused::Bad(500)),
        }
        Ok(())
    }

    pub(super) fn options(&mut self, argument: &[u8]) {
        let (word, value) = split_word(argument.trim_ascii_start());
        if !word.eq_ignore_ascii_case(b"MLST") {
            return self.reply(200);
        }
        let named = |fact: &&str| {
            let mut words = value.trim_ascii().split(|byte| *byte == b';');
            words.any(|word| word.eq_ignore_ascii_case(fact.as_bytes()))
        };
        self.facts = FACTS.into_iter().filter(|fact| named(fact)).collect();
        let on: String = self.facts.iter().map(|fact| format!("{fact};")).collect();
        self.say(200, Text::Is(format!("MLST OPTS {on}").into_bytes()));
    }

    /// Nothing that the last user has set is kept (threat B04).
    pub(super) fn start_over(&mut self, login: Login) {
        self.login = login;
        self.directory = Path::new();
        (self.is_ascii, self.is_deflated, self.extended_only) = (true, false, false);
        (self.part, self.renaming, self.armed) = (Part::Whole, None, Armed::Nothing);
        self.facts = FACTS.to_vec();
    }

    pub(super) fn password(&mut self) -> Done {
        let Login::UserGiven { is_anonymous } = self.login else {
            return Err(Refused::No(503));
        };
        if is_anonymous {
            self.login = Login::In;
            self.bad = 0;
            self.reply(230);
            return Ok(());
        }
        self.login = Login::Start;
        self.failures += 1;
        if self.failures < 3 {
            return Err(Refused::No(530));
        }
        self.reply(421);
        self.is_closed = true;
        Ok(())
    }

    pub(super) fn arm(&mut self, verb: &str, argument: &[u8]) -> Done {
        if verb == "EPSV" {
            return match &argument.trim_ascii().to_ascii_uppercase()[..] {
                b"ALL" => {
                    self.extended_only = true;
                    self.reply(200);
                    Ok(())
                }
                b"2" => Err(Refused::No(522)),
                _ => {
                    self.armed = Armed::Passive { has_arrived: false };
                    self.say(229, Text::Address);
                    Ok(())
                }
            };
        }
        if self.extended_only {
            return Err(Refused::No(501));
        }
        let address = match verb {
            "PORT" => port(argument),
            "EPRT" => extended_port(argument).unwrap_or(None),
            _ => {
                self.armed = Armed::Passive { has_arrived: false };
                self.say(227, Text::Address);
                return Ok(());
            }
        };
        match address {
            Some((host, port)) if host == self.own && port >= 1024 => {
                let answers = port.is_multiple_of(2);
                self.armed = Armed::Active { answers };
                self.reply(200);
            }
            _ => {
                self.armed = Armed::Nothing;
                self.reply(500);
            }
        }
        Ok(())
    }
}

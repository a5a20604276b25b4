//! Random sequences of actions, weighted so that deep states are reached, and the bytes of uploads.

use super::{AFTER_LOGIN, ALWAYS, Access, Model};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

/// What a client does.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// Sends bytes on the control connection.
    Send(Vec<u8>),
    /// Connects to the port that was announced last. `holds`: a transfer that waits for it is not finished yet; half of
    /// an upload is sent, and nothing of a download is read.
    Connect { holds: bool },
    /// Finishes the transfer that is held.
    Finish,
}

impl std::fmt::Debug for Action {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Action::Send(bytes) if bytes.len() > 200 => {
                write!(
                    formatter,
                    "send {} … ({} bytes)",
                    bytes[..60].escape_ascii(),
                    bytes.len()
                )
            }
            Action::Send(bytes) => write!(formatter, "send {}", bytes.escape_ascii()),
            Action::Connect { holds } => write!(formatter, "connect, holds: {holds}"),
            Action::Finish => write!(formatter, "finish"),
        }
    }
}

/// A generator of numbers (splitmix64), so that a seed gives the same session everywhere.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn pick<One: Copy>(&mut self, of: &[One]) -> One {
        of[self.below(of.len())]
    }
}

/// The bytes of the upload with this number in a session. Every fourth is a zlib stream.
pub fn payload(seed: u64, number: u32) -> Vec<u8> {
    let mut dice = Dice(seed ^ (u64::from(number) << 32) ^ 0x7061_796c);
    let length = match dice.below(20) {
        0 | 1 => 0,
        2 => 70_000,
        3..=6 => dice.below(3000),
        _ => dice.below(40),
    };
    let alphabet = b"ab\r\n\xff\0";
    let plain: Vec<u8> = (0..length).map(|_| dice.pick(alphabet)).collect();
    if !number.is_multiple_of(4) {
        return plain;
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(&plain).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

const PATHS: [&[u8]; 62] = [
    b"a.txt",
    b"b.bin",
    b"empty",
    b"big",
    b"d",
    b"d/inside",
    b"d/e",
    b"d/deep",
    b"d/deep/x",
    b"full",
    b"full/one",
    b"lf",
    b"ld",
    b"ld/inside",
    b"ld/e",
    b"gone",
    b"loop",
    b"out",
    b"up",
    b"up/outside",
    b"d/back",
    b"q\"uote",
    b"\xc3\xa9",
    b" lead",
    b"new",
    b"new2",
    b"new/under",
    b"d/new",
    b"d/e/new",
    b"ld/new",
    b"missing",
    b"missing/x",
    b"/",
    b".",
    b"..",
    b"../..",
    b"/a.txt",
    b"//d//inside",
    b"./d/../a.txt",
    b"d/",
    b"d/.",
    b"d/e/..",
    b"a.txt/",
    b"a.txt/x",
    b"a.txt/..",
    b"~",
    b"-la",
    b".htaccess",
    b"d/.SSH/key",
    b"d/deep/.ssh",
    b".loopftpd-0123456789abcdef0123456789abcdef",
    b".LOOPFTPD-x",
    b"d/.loopftpd-x/y",
    b"\xff\xff.bin",
    b"*",
    b"?.txt",
    b"d/*",
    b"*i*",
    b".*",
    b"d*/x",
    b"%n%s",
    b"$(id)`",
];

/// Files for a restart at their end, or beyond it.
const SIZES: [(u64, &[u8]); 6] = [
    (0, b"empty"),
    (1, b"d/inside"),
    (2, b"full/one"),
    (23, b"a.txt"),
    (300, b"b.bin"),
    (100_000, b"big"),
];

/// Those of [`PATHS`] at its front that mostly exist.
const ORDINARY: usize = 12;

fn path(dice: &mut Dice) -> &'static [u8] {
    if dice.percent(45) {
        dice.pick(&PATHS[..ORDINARY])
    } else {
        dice.pick(&PATHS)
    }
}

/// Arguments that no verb understands, or that are at a limit.
const ODD: [&[u8]; 24] = [
    b"",
    b" ",
    b"  ",
    b"\0",
    b"a\0b",
    b"a\rb",
    b"\x1b[2J",
    b"-1",
    b"+1",
    b"0x10",
    b"1e3",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1 2",
    b"2 1",
    b"1 0",
    b"99 9",
    b"\xff\xf4",
    b"\xff\xfd\x01",
    b"x",
    b"../../../../etc/passwd",
    b"a b c",
    b"%s%n",
];

/// A random session of about twenty commands.
pub fn script(seed: u64, access: Access, own: [u8; 4]) -> Vec<Action> {
    let mut dice = Dice(seed);
    let mut model = Model::new(access, own, seed);
    let mut actions = Vec::new();
    let length = 1 + dice.below(20) + dice.below(20);
    if dice.percent(1) && dice.percent(30) {
        actions.push(Action::Send(b"\x16\x03\x01\x02\x00\x01\r\n".to_vec()));
    }
    if dice.percent(88) {
        actions.push(Action::Send(b"USER anonymous\r\n".to_vec()));
        actions.push(Action::Send(b"PASS guest\r\n".to_vec()));
        if dice.percent(40) {
            actions.push(Action::Send(b"TYPE I\r\n".to_vec()));
        }
    }
    for action in &actions {
        model.act(action);
    }
    while actions.len() < length && !model.is_closed {
        let before = actions.len();
        next(&mut dice, &model, own, &mut actions);
        for action in &actions[before..] {
            model.act(action);
        }
    }
    actions
}

fn next(dice: &mut Dice, model: &Model, own: [u8; 4], actions: &mut Vec<Action>) {
    if model.is_transferring() {
        let action = match dice.below(10) {
            0 => Action::Send(b"STAT\r\n".to_vec()),
            1 => Action::Send(b"\xff\xf4\xff\xf2ABOR\r\n".to_vec()),
            2 => Action::Send(b"ABOR\r\n".to_vec()),
            3 => Action::Send(line(dice, model, own)),
            4 if !model.is_held() => Action::Connect { holds: true },
            _ if model.is_held() => Action::Finish,
            _ => Action::Connect { holds: false },
        };
        return actions.push(action);
    }
    if model.is_armed() && dice.percent(25) || dice.percent(2) {
        return actions.push(Action::Connect {
            holds: dice.percent(50),
        });
    }
    if dice.percent(1) && dice.percent(40) {
        // Enough of them to be disconnected.
        let count = 8 + dice.below(50);
        let bad: &[u8] = dice.pick(&[
            &b"XYZZY\r\n"[..],
            b"\r\n",
            b"TYPE Q\r\n",
            b"USER x\r\n",
            b"NOOP\r\n",
            b"REST x\r\n",
        ]);
        return actions.push(Action::Send(bad.repeat(count.min(15) + count / 15 * 12)));
    }
    let mut bytes = line(dice, model, own);
    // Several commands in one segment. What is answered out of turn would depend on how they are cut.
    while dice.percent(8) {
        let another = if model.is_armed() && dice.percent(30) {
            b"STAT\r\n".to_vec()
        } else {
            line(dice, model, own)
        };
        if acts_out_of_turn(&another) || acts_out_of_turn(&bytes) && model.is_armed() {
            break;
        }
        bytes.extend(another);
    }
    actions.push(Action::Send(bytes));
}

/// Whether a line of `bytes` is answered out of turn, or its reply is needed to go on. (STAT is answered during a
/// transfer, but in its place.)
fn acts_out_of_turn(bytes: &[u8]) -> bool {
    // Without Telnet commands, which may be anywhere.
    let letters: Vec<u8> = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .map(u8::to_ascii_uppercase)
        .collect();
    let verbs: [&[u8]; 2] = [b"ABOR", b"STOU"];
    letters.windows(4).any(|word| verbs.contains(&word))
}

fn line(dice: &mut Dice, model: &Model, own: [u8; 4]) -> Vec<u8> {
    let mut line = command(dice, model, own);
    if dice.percent(3) {
        line = line.to_ascii_lowercase();
    }
    if dice.percent(2) {
        // Telnet noise somewhere.
        let noise: &[u8] = dice.pick(&[&b"\xff\xf1"[..], b"\xff\xfb\x18", b"\xff\xfe\xff", b"\xff\xf9"]);
        let place = dice.below(line.len() + 1);
        let is_between = place == 0 || line[place - 1] != 0xff;
        if is_between {
            line.splice(place..place, noise.iter().copied());
        }
    }
    let end: &[u8] = match dice.below(50) {
        0 => b"\n",
        1 => b"\r\r\n",
        2 => b"\n\r",
        _ => b"\r\n",
    };
    line.extend_from_slice(end);
    line
}

fn command(dice: &mut Dice, model: &Model, own: [u8; 4]) -> Vec<u8> {
    let with = |verb: &str, argument: &[u8]| [verb.as_bytes(), b" ", argument].concat();
    if !model.is_logged_in() && dice.percent(60) {
        let words: &[&[u8]] = &[
            b"USER anonymous",
            b"USER ftp",
            b"USER root",
            b"USER FTP ",
            b"PASS x",
            b"PASS",
            b"PASS secret",
            b"HOST a.b",
            b"USER",
            b"FEAT",
            b"OPTS UTF8 ON",
            b"OPTS UTF8",
            b"ACCT x",
            b"NOOP",
            b"HELP",
            b"QUIT",
            b"REIN",
            b"SYST",
        ];
        return dice.pick(words).to_vec();
    }
    if model.is_renaming() && dice.percent(75) {
        return with("RNTO", path(dice));
    }
    if model.has_part() && !model.is_armed() && dice.percent(35) {
        return dice.pick(&[&b"PASV"[..], b"EPSV"]).to_vec();
    }
    if let Some(offset) = model.restart()
        && let Some((_, file)) = SIZES.iter().find(|(size, _)| offset == *size || offset == size + 1)
        && dice.percent(30)
    {
        return with(dice.pick(&["RETR", "STOR"]), file);
    }
    if model.has_part() && dice.percent(60) || model.is_armed() && dice.percent(55) {
        let files: [&[u8]; 10] = [
            b"a.txt",
            b"b.bin",
            b"empty",
            b"big",
            b"d/inside",
            b"d/deep/x",
            b"full/one",
            b"lf",
            b"/a.txt",
            b"\xff\xff.bin",
        ];
        let directories: [&[u8]; 8] = [b"", b"d", b"ld", b"/", b"full", b"d/e", b"*", b"-la"];
        let verb = dice.pick(&[
            "RETR", "RETR", "RETR", "STOR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD",
        ]);
        let argument = match verb {
            _ if dice.percent(30) => path(dice),
            "STOR" | "APPE" if dice.percent(50) => dice.pick(&[&b"new"[..], b"new2", b"d/new", b"ld/new", b"d/e/new"]),
            "RETR" | "STOR" | "APPE" => dice.pick(&files),
            _ => dice.pick(&directories),
        };
        return if argument.is_empty() {
            verb.as_bytes().to_vec()
        } else {
            with(verb, argument)
        };
    }
    let [a, b, c, d] = own;
    match dice.below(100) {
        0..=11 => dice.pick(&[&b"PASV"[..], b"PASV", b"EPSV", b"EPSV 1"]).to_vec(),
        12..=14 => {
            let port = 2000 + dice.below(60_000);
            format!("PORT {a},{b},{c},{d},{},{}", port / 256, port % 256).into_bytes()
        }
        15..=16 => format!("EPRT |1|{a}.{b}.{c}.{d}|{}|", 2000 + dice.below(60_000)).into_bytes(),
        17..=18 => {
            let addresses: [&[u8]; 14] = [
                b"PORT 1,2,3,4,5,6",
                b"PORT 127,0,0,1,0,22",
                b"PORT 1,2,3,4,5",
                b"PORT 256,0,0,1,5,6",
                b"PORT",
                b"EPRT",
                b"EPRT |3|x|1|",
                b"EPRT |2|::1|5000|",
                b"EPRT |1|1.2.3.4|99999|",
                b"EPRT |1|1.2.3.4|",
                b"EPSV 2",
                b"EPSV 3",
                b"EPSV x",
                b"EPSV ALL",
            ];
            dice.pick(&addresses).to_vec()
        }
        19..=22 => dice
            .pick(&[
                &b"TYPE I"[..],
                b"TYPE A",
                b"TYPE I",
                b"TYPE L 8",
                b"TYPE E",
                b"TYPE A N",
            ])
            .to_vec(),
        23..=25 => dice.pick(&[&b"MODE S"[..], b"MODE Z", b"MODE B", b"MODE Z"]).to_vec(),
        26..=27 => dice.pick(&[&b"STRU F"[..], b"STRU R", b"STRU"]).to_vec(),
        28..=32 => format!(
            "REST {}",
            // Up to the sizes of files, and one byte beyond.
            dice.pick(&[0, 1, 2, 3, 23, 24, 25, 26, 300, 301, 70_000, 100_000, 100_001])
        )
        .into_bytes(),
        33..=34 => dice
            .pick(&[&b"RANG 1 5"[..], b"RANG 1 0", b"RANG 5 1", b"RANG 0 0", b"RANG 400 500"])
            .to_vec(),
        35..=38 => with("RNFR", path(dice)),
        39..=46 => with(dice.pick(&["CWD", "CWD", "RNFR", "XCWD"]), path(dice)),
        47..=48 => b"CDUP".to_vec(),
        49..=51 => b"PWD".to_vec(),
        52..=54 => with("SIZE", path(dice)),
        55..=56 => with("MDTM", path(dice)),
        57..=58 => {
            let time = dice.pick(&[
                "20200229010203",
                "20210229010203",
                "00010101000000",
                "1999",
                "20200101000060",
            ]);
            let verb = dice.pick(&["MFMT", "MDTM"]);
            with(verb, &[time.as_bytes(), b" ", path(dice)].concat())
        }
        59..=61 => with("MLST", path(dice)),
        62..=63 => with("STAT", path(dice)),
        64..=66 => with("DELE", path(dice)),
        67..=70 => with("MKD", path(dice)),
        71..=73 => with("RMD", path(dice)),
        74..=76 => {
            let mode = dice.pick(&["644", "000", "0777", "4755", "9", "77777"]);
            let words: [&[u8]; 5] = [b"SITE HELP", b"SITE EXEC ls", b"SITE", b"site umask 0", b"SITE"];
            match dice.below(2) {
                0 => with("SITE CHMOD", &[mode.as_bytes(), b" ", path(dice)].concat()),
                _ => dice.pick(&words).to_vec(),
            }
        }
        77..=79 => {
            let options: [&[u8]; 9] = [
                b"OPTS UTF8 ON",
                b"OPTS MLST type;size;",
                b"OPTS MLST",
                b"OPTS MLST bogus;modify",
                b"OPTS MODE Z LEVEL 9",
                b"OPTS MODE Z LEVEL 0",
                b"OPTS HASH MD5",
                b"OPTS HASH CRC",
                b"OPTS",
            ];
            dice.pick(&options).to_vec()
        }
        80..=82 => dice
            .pick(&[
                &b"NOOP"[..],
                b"ABOR",
                b"STAT",
                b"HELP RETR",
                b"FEAT",
                b"ALLO 10 R 5",
                b"ALLO x",
            ])
            .to_vec(),
        83 => dice
            .pick(&[&b"QUIT"[..], b"REIN", b"USER anonymous", b"REIN", b"USER other"])
            .to_vec(),
        84..=86 => {
            let unknown: [&[u8]; 14] = [
                b"XYZZY",
                b"AUTH TLS",
                b"PBSZ 0",
                b"LPRT 6",
                b"MD5 x\0",
                b"",
                b" ",
                b" NOOP",
                b"GET / HTTP/1.0",
                b"\xc3\xa9",
                b"LANG en",
                b"NOOPX",
                b"N",
                b"XYZZY a\0b",
            ];
            dice.pick(&unknown).to_vec()
        }
        87 => {
            let verb = dice.pick(&["RETR", "MKD", "NOOP", "STOR", "CWD", "XMKD"]);
            let limit = if model.is_logged_in() { 4096 } else { 1024 };
            let before = verb.len() + 1;
            // Around the longest name, and the longest line.
            let length = dice.pick(&[255, 256, limit - 1 - before, limit - before, limit + 1 - before]);
            with(verb, &vec![b'n'; length])
        }
        88..=90 => {
            let verb = if dice.percent(20) {
                dice.pick(&ALWAYS[..])
            } else {
                dice.pick(&AFTER_LOGIN[..])
            };
            with(verb, dice.pick(&ODD))
        }
        _ => {
            let verb = dice.pick(&AFTER_LOGIN[..]);
            match dice.below(3) {
                0 => verb.as_bytes().to_vec(),
                _ => with(verb, path(dice)),
            }
        }
    }
}

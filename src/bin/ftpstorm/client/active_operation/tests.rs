//! What each step makes of each reply, without sockets.

use super::*;
use loopftpd::computed_file::Content;

const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const PATIENCE: Duration = Duration::from_secs(30);

fn reply(code: u16, text: &str) -> ServerReply {
    let text = text.as_bytes().to_vec();
    ServerReply { code, text }
}

/// An operation of one step that waits for this.
fn waiting(step: ScriptStep, waits: Waits) -> ActiveOperation {
    let (class, steps, now) = (0, vec![step], Instant::now());
    let mut active = ActiveOperation::new(Rc::new(Operation { class, steps }), now, now);
    active.wait(waits, now);
    active
}

/// An operation whose step does not matter to its replies.
fn waiting_for(waits: Waits) -> ActiveOperation {
    waiting(ScriptStep::Close, waits)
}

fn transfer(flow: Flow) -> ActiveOperation {
    let (replies, has_moved) = (TransferReplies::NoneYet, false);
    waiting(
        ScriptStep::transfer("RETR file", flow),
        Waits::Transfer { replies, has_moved },
    )
}

fn refused(code: u16) -> Result<ReplyEffect, Failure> {
    Err(Failure::Reply((&reply(code, "text")).into()))
}

#[test]
fn every_reply_must_be_one_that_the_step_waits_for() {
    let until = Instant::now();
    let (bytes, every, has_begun) = ([].into(), PATIENCE, false);
    let (nothing, done) = (Ok(ReplyEffect::Nothing), Ok(ReplyEffect::StepDone));
    let (begins, completed) = (Ok(ReplyEffect::TransferBegins), Ok(ReplyEffect::TransferCompleted));
    let (stalled, not_stalled) = (Ok(ReplyEffect::DownloadStalled), Ok(ReplyEffect::DownloadNotStalled));
    let unasked = |code| Err(Failure::Unsolicited((&reply(code, "text")).into()));
    let download = || transfer(Flow::Discard);
    let reset = || transfer(Flow::ResetAfter(1));
    let stall = || waiting_for(Waits::Stall { has_begun, until });
    for (case, mut active, replies) in [
        (
            "the codes that are allowed",
            waiting_for(Waits::Reply(&[331, 230])),
            vec![(331, done.clone()), (230, done), (530, refused(530))],
        ),
        (
            "PASV",
            waiting_for(Waits::PassiveReply(PassiveCommand::Pasv)),
            vec![(200, refused(200)), (425, refused(425))],
        ),
        (
            "a transfer",
            download(),
            vec![(150, begins.clone()), (226, completed.clone()), (226, unasked(226))],
        ),
        (
            "its other codes",
            download(),
            vec![(125, begins.clone()), (250, completed.clone())],
        ),
        (
            "a transfer without 150",
            download(),
            vec![(226, refused(226)), (550, refused(550))],
        ),
        (
            "150 twice",
            download(),
            vec![(150, begins.clone()), (150, refused(150))],
        ),
        (
            "a transfer that was broken off",
            download(),
            vec![(150, begins.clone()), (426, refused(426))],
        ),
        (
            "a reset may end in 426",
            reset(),
            vec![(150, begins.clone()), (426, completed.clone())],
        ),
        (
            "or in 451",
            reset(),
            vec![(150, begins.clone()), (451, completed.clone())],
        ),
        ("or be too late", reset(), vec![(150, begins.clone()), (226, completed)]),
        ("but in nothing else", reset(), vec![(150, begins), (550, refused(550))]),
        (
            "a stall counts from the first reply",
            stall(),
            vec![(150, stalled.clone()), (426, nothing.clone())],
        ),
        (
            "but not if all was sent",
            stall(),
            vec![(150, stalled), (226, not_stalled)],
        ),
        ("nothing to stall", stall(), vec![(550, refused(550))]),
        // A 421 announces that the server closes the connection.
        (
            "a pause",
            waiting_for(Waits::Pause { until }),
            vec![(200, unasked(200)), (421, refused(421))],
        ),
        (
            "a flood",
            waiting_for(Waits::Flood { bytes, until }),
            vec![(200, unasked(200)), (421, refused(421))],
        ),
        (
            "malformed lines",
            waiting_for(Waits::IgnoredReplies { until }),
            vec![(500, nothing.clone()), (421, nothing.clone())],
        ),
        (
            "slowloris",
            waiting_for(Waits::Trickle { every, next: until }),
            vec![(500, nothing.clone()), (421, nothing)],
        ),
    ] {
        for (code, expected) in replies {
            assert_eq!(
                active.take_reply(&reply(code, "text"), SERVER),
                expected,
                "{case}: {code}"
            );
        }
    }
}

#[test]
fn a_transfer_is_complete_when_its_bytes_and_its_last_reply_have_arrived_in_any_order() {
    for bytes_first in [true, false] {
        let mut active = transfer(Flow::Discard);
        for end_of_bytes in [bytes_first, !bytes_first] {
            assert!(!active.is_transfer_complete(), "{bytes_first}: half of it is missing");
            if end_of_bytes {
                active.data_ended();
            } else {
                let replies = [150, 226].map(|code| active.take_reply(&reply(code, "text"), SERVER));
                assert!(replies.iter().all(Result::is_ok), "{replies:?}");
            }
        }
        assert!(active.is_transfer_complete(), "{bytes_first}");
    }
}

#[test]
fn pasv_announces_an_address_and_epsv_a_port_of_the_same_server() {
    let elsewhere = SocketAddr::from(([198, 51, 100, 7], 1025));
    for (command, code, text, address) in [
        (
            PassiveCommand::Pasv,
            227,
            "Passive (198,51,100,7,4,1).",
            Some(elsewhere),
        ),
        (
            PassiveCommand::Epsv,
            229,
            "Extended Passive (|||1026|)",
            Some(SocketAddr::new(SERVER, 1026)),
        ),
        (PassiveCommand::Pasv, 227, "somewhere", None),
        (PassiveCommand::Epsv, 229, "somewhere", None),
    ] {
        let reply = reply(code, text);
        let effect = waiting_for(Waits::PassiveReply(command)).take_reply(&reply, SERVER);
        let expected = address.map(ReplyEffect::PassiveAddress);
        assert_eq!(
            effect,
            expected.ok_or_else(|| Failure::NoAddress((&reply).into())),
            "{command:?}"
        );
    }
}

#[test]
fn a_step_is_due_when_its_time_is_over_or_after_the_patience_without_progress() {
    let mut active = transfer(Flow::Discard);
    let began = active.progressed;
    assert_eq!(active.due(PATIENCE), began + PATIENCE);
    active.progressed = began + PATIENCE / 2;
    assert_eq!(active.due(PATIENCE), began + PATIENCE + PATIENCE / 2);
    let until = began + Duration::from_secs(1);
    let (bytes, every, has_begun) = ([].into(), Duration::from_secs(9), false);
    for waits in [
        Waits::Pause { until },
        Waits::Flood { bytes, until },
        Waits::IgnoredReplies { until },
        Waits::Stall { has_begun, until },
        Waits::Trickle { every, next: until },
    ] {
        active.wait(waits.clone(), began);
        assert_eq!(active.due(PATIENCE), until, "{waits:?}");
    }
}

#[test]
fn an_operation_is_done_after_its_last_step() {
    let (class, steps, now) = (3, vec![ScriptStep::Connect, ScriptStep::Close], Instant::now());
    let mut active = ActiveOperation::new(Rc::new(Operation { class, steps }), now, now);
    assert!(matches!(active.step(), Some(ScriptStep::Connect)));
    active.advance();
    assert!(matches!(active.step(), Some(ScriptStep::Close)));
    active.advance();
    assert!(active.step().is_none());
}

#[test]
fn only_downloads_of_unknown_content_must_have_the_same_size() {
    let (content, size) = (Content::Zero, 1);
    assert!(transfer(Flow::SameSize).compares_sizes());
    assert!(!transfer(Flow::Discard).compares_sizes());
    assert!(!transfer(Flow::Compare { content, size }).compares_sizes());
}

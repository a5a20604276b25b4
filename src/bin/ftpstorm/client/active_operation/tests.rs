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

/// Replies, each with what it means to the operation: `150 begins, 226 completes`.
#[track_caller]
fn converse(mut active: ActiveOperation, conversation: &str) {
    for exchange in conversation.split(", ") {
        let (code, expected) = exchange.split_once(' ').expect("a code and a meaning");
        let reply = reply(code.parse().expect("a code"), "text");
        let meaning = match active.take_reply(&reply, SERVER) {
            Ok(ReplyEffect::Nothing) => "nothing",
            Ok(ReplyEffect::StepDone) => "done",
            Ok(ReplyEffect::PassiveAddress(_)) => "address",
            Ok(ReplyEffect::TransferBegins) => "begins",
            Ok(ReplyEffect::TransferCompleted) => "completes",
            Ok(ReplyEffect::DownloadStalled) => "stalls",
            Ok(ReplyEffect::DownloadNotStalled) => "stalls-not",
            Err(Failure::Reply(said)) if said == (&reply).into() => "refused",
            Err(Failure::Unsolicited(said)) if said == (&reply).into() => "unasked",
            Err(other) => panic!("{conversation}: {code}: {other}"),
        };
        assert_eq!(meaning, expected, "{conversation}: {code}");
    }
}

#[test]
fn every_reply_must_be_one_that_the_step_waits_for() {
    let until = Instant::now();
    let (bytes, every, has_begun) = ([].into(), PATIENCE, false);
    converse(
        waiting_for(Waits::Reply(&[331, 230])),
        "331 done, 230 done, 530 refused",
    );
    for command in [PassiveCommand::Pasv, PassiveCommand::Epsv] {
        converse(waiting_for(Waits::PassiveReply(command)), "200 refused, 425 refused");
    }
    // A 421 announces that the server closes the connection.
    converse(waiting_for(Waits::Pause { until }), "200 unasked, 421 refused");
    converse(waiting_for(Waits::Flood { bytes, until }), "200 unasked, 421 refused");
    converse(waiting_for(Waits::IgnoredReplies { until }), "500 nothing, 421 nothing");
    converse(
        waiting_for(Waits::Trickle { every, next: until }),
        "500 nothing, 421 nothing",
    );

    let stall = || waiting_for(Waits::Stall { has_begun, until });
    converse(stall(), "150 stalls, 426 nothing");
    // The server got rid of the whole download.
    converse(stall(), "150 stalls, 226 stalls-not");
    converse(stall(), "550 refused");
}

#[test]
fn the_replies_of_a_transfer_come_once_and_in_order() {
    let download = || transfer(Flow::Discard);
    converse(download(), "150 begins, 226 completes, 226 unasked");
    converse(download(), "125 begins, 250 completes");
    converse(download(), "226 refused, 550 refused");
    converse(download(), "150 begins, 150 refused");
    converse(download(), "150 begins, 426 refused");
    // One that the client resets may end in 426 or 451, or have been too short.
    for code in [426, 451, 226] {
        converse(transfer(Flow::ResetAfter(1)), &format!("150 begins, {code} completes"));
    }
    converse(transfer(Flow::ResetAfter(1)), "150 begins, 550 refused");
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

//! What each step makes of each reply, without sockets.

use super::*;
use loopftpd::computed_file::Content;

const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const PATIENCE: Duration = Duration::from_secs(30);

fn reply(code: u16) -> ServerReply {
    reply_with(code, "text")
}

fn reply_with(code: u16, text: &str) -> ServerReply {
    ServerReply {
        code,
        text: text.as_bytes().to_vec(),
    }
}

/// An operation of one step that waits for this.
fn waiting(step: ScriptStep, waits: Waits) -> ActiveOperation {
    let operation = Rc::new(Operation {
        class: 0,
        steps: vec![step],
    });
    let now = Instant::now();
    let mut active = ActiveOperation::new(operation, now, now);
    active.wait(waits, now);
    active
}

fn transfer() -> ActiveOperation {
    waiting(ScriptStep::discard("LIST"), transfer_waits())
}

fn transfer_waits() -> Waits {
    Waits::Transfer {
        replies: TransferReplies::NoneYet,
        has_moved: false,
    }
}

fn reset() -> ActiveOperation {
    let misbehaviour = Misbehaviour::Reset {
        line: "RETR file".into(),
        after: 1,
    };
    waiting(ScriptStep::Misbehave(misbehaviour), transfer_waits())
}

/// What the replies with these codes lead to, one after the other.
fn effects(active: &mut ActiveOperation, codes: &[u16]) -> Vec<Result<ReplyEffect, Failure>> {
    codes
        .iter()
        .map(|code| active.take_reply(&reply(*code), SERVER))
        .collect()
}

fn refused(code: u16) -> Result<ReplyEffect, Failure> {
    Err(Failure::Reply((&reply(code)).into()))
}

#[test]
fn a_reply_must_have_one_of_the_codes_that_its_step_allows() {
    let mut user = waiting(ScriptStep::send("USER a", &[331, 230]), Waits::Reply(&[331, 230]));
    assert_eq!(effects(&mut user, &[331, 230]), [ReplyEffect::StepDone; 2].map(Ok));
    assert_eq!(effects(&mut user, &[530]), [refused(530)]);
}

#[test]
fn a_transfer_is_complete_when_its_bytes_and_its_last_reply_have_arrived_in_any_order() {
    let replies = [Ok(ReplyEffect::TransferBegins), Ok(ReplyEffect::TransferCompleted)];
    let mut replies_first = transfer();
    assert_eq!(effects(&mut replies_first, &[150, 226]), replies);
    assert!(!replies_first.is_transfer_complete(), "bytes may still arrive");
    replies_first.data_ended();
    assert!(replies_first.is_transfer_complete());

    let mut bytes_first = transfer();
    bytes_first.data_ended();
    assert!(!bytes_first.is_transfer_complete());
    assert_eq!(effects(&mut bytes_first, &[125, 250]), replies);
    assert!(bytes_first.is_transfer_complete());
}

#[test]
fn the_replies_of_a_transfer_come_once_and_in_order() {
    assert_eq!(effects(&mut transfer(), &[226]), [refused(226)]);
    assert_eq!(effects(&mut transfer(), &[550]), [refused(550)]);
    assert_eq!(effects(&mut transfer(), &[150, 150])[1], refused(150));
    assert_eq!(effects(&mut transfer(), &[150, 426])[1], refused(426));
    let twice = Failure::Unsolicited((&reply(226)).into());
    assert_eq!(effects(&mut transfer(), &[150, 226, 226])[2], Err(twice));
}

#[test]
fn a_transfer_that_the_client_resets_may_end_in_426_or_451() {
    for code in [426, 451, 226] {
        let mut active = reset();
        assert_eq!(
            effects(&mut active, &[150, code])[1],
            Ok(ReplyEffect::TransferCompleted)
        );
        active.data_ended();
        assert!(active.is_transfer_complete());
    }
    assert_eq!(effects(&mut reset(), &[150, 550])[1], refused(550));
}

#[test]
fn pasv_announces_an_address_and_epsv_a_port_of_the_same_server() {
    let asked = |command| waiting(ScriptStep::Passive(command), Waits::PassiveReply(command));
    let text = "Entering Passive Mode (198,51,100,7,4,1).";
    let effect = asked(PassiveCommand::Pasv).take_reply(&reply_with(227, text), SERVER);
    let address = SocketAddr::from(([198, 51, 100, 7], 1025));
    assert_eq!(effect, Ok(ReplyEffect::PassiveAddress(address)));

    let text = "Entering Extended Passive Mode (|||1026|)";
    let effect = asked(PassiveCommand::Epsv).take_reply(&reply_with(229, text), SERVER);
    assert_eq!(effect, Ok(ReplyEffect::PassiveAddress(SocketAddr::new(SERVER, 1026))));

    for command in [PassiveCommand::Pasv, PassiveCommand::Epsv] {
        let nowhere = reply_with(227, "somewhere");
        let failure = Failure::NoAddress((&nowhere).into());
        assert_eq!(asked(command).take_reply(&nowhere, SERVER), Err(failure));
        assert_eq!(effects(&mut asked(command), &[200, 425]), [refused(200), refused(425)]);
    }
}

#[test]
fn a_stalled_download_counts_from_its_first_reply_and_not_once_the_server_has_sent_it_all() {
    let until = Instant::now();
    let misbehaviour = Misbehaviour::Stall {
        line: "RETR file".into(),
        hold: PATIENCE,
    };
    let stall = || {
        let has_begun = false;
        waiting(
            ScriptStep::Misbehave(misbehaviour.clone()),
            Waits::Stall { has_begun, until },
        )
    };
    let expected = [ReplyEffect::DownloadStalled, ReplyEffect::DownloadNotStalled].map(Ok);
    assert_eq!(effects(&mut stall(), &[150, 226]), expected);
    let expected = [ReplyEffect::DownloadStalled, ReplyEffect::Nothing].map(Ok);
    assert_eq!(effects(&mut stall(), &[150, 426]), expected);
    assert_eq!(effects(&mut stall(), &[550]), [refused(550)]);
}

#[test]
fn a_reply_that_nothing_asked_for_fails_but_a_421_is_the_servers_farewell() {
    let until = Instant::now();
    for waits in [
        Waits::Pause { until },
        Waits::Flood {
            bytes: [].into(),
            until,
        },
    ] {
        let mut active = waiting(ScriptStep::Pause(PATIENCE), waits);
        let unasked = Failure::Unsolicited((&reply(200)).into());
        assert_eq!(effects(&mut active, &[200, 421]), [Err(unasked), refused(421)]);
    }
    let every = PATIENCE;
    for waits in [Waits::IgnoredReplies { until }, Waits::Trickle { every, next: until }] {
        let mut active = waiting(ScriptStep::Pause(PATIENCE), waits);
        assert_eq!(effects(&mut active, &[500, 421]), [ReplyEffect::Nothing; 2].map(Ok));
    }
}

#[test]
fn a_step_is_due_when_its_time_is_over_or_after_the_patience_without_progress() {
    let mut active = transfer();
    let began = active.progressed;
    assert_eq!(active.due(PATIENCE), began + PATIENCE);
    active.progressed = began + PATIENCE / 2;
    assert_eq!(active.due(PATIENCE), began + PATIENCE + PATIENCE / 2);
    let until = began + Duration::from_secs(1);
    let every = Duration::from_secs(9);
    for waits in [
        Waits::Pause { until },
        Waits::Flood {
            bytes: [].into(),
            until,
        },
        Waits::IgnoredReplies { until },
        Waits::Stall {
            has_begun: false,
            until,
        },
        Waits::Trickle { every, next: until },
    ] {
        active.wait(waits, began);
        assert_eq!(active.due(PATIENCE), until);
    }
}

#[test]
fn an_operation_is_done_after_its_last_step() {
    let steps = vec![ScriptStep::Connect, ScriptStep::send("QUIT", &[221]), ScriptStep::Close];
    let now = Instant::now();
    let mut active = ActiveOperation::new(Rc::new(Operation { class: 3, steps }), now, now);
    assert!(matches!(active.step(), Some(ScriptStep::Connect)));
    active.advance();
    assert!(matches!(active.step(), Some(ScriptStep::Send { .. })));
    active.advance();
    assert!(matches!(active.step(), Some(ScriptStep::Close)));
    active.advance();
    assert!(active.step().is_none());
}

#[test]
fn only_downloads_of_unknown_content_must_have_the_same_size() {
    let compares_sizes = |flow| {
        let line = "RETR file".into();
        waiting(ScriptStep::Transfer { line, flow }, transfer_waits()).compares_sizes()
    };
    assert!(compares_sizes(Flow::SameSize));
    assert!(!compares_sizes(Flow::Discard));
    assert!(!compares_sizes(Flow::Compare {
        content: Content::Zero,
        size: 1
    }));
}

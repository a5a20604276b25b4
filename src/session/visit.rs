//! A logged-in client's commands, each sent to the file of its group.
//!
//! This is the table of the protocol after login: one line a verb. The groups answer; this file only moves the state
//! that an answer leads to.

use super::answer::{Answer, Answered};
use super::notice::Subject;
use super::request::{PassiveForm, Request};
use super::state::{Login, Part, State, Transfer, User, Visit};
use super::{Context, Session};
use crate::ftp::command::{Command, EpsvArgument};
use crate::ftp::reply::{self, Reply};

/// What a command of a visit does to the conversation.
#[derive(Debug)]
pub(super) enum Step {
    /// The visit goes on.
    Stay(Answer),
    /// A passive port is wanted.
    Passive(PassiveForm),
    /// A transfer starts.
    Start(Transfer, Request),
    /// An answer takes more than a turn; commands behind it wait.
    AnswerAtLength(Answer),
    /// The visit is over (USER, REIN, QUIT).
    Leave(State, Answer),
}

impl From<Answered> for Step {
    fn from(answered: Answered) -> Self {
        match answered {
            Ok(answer) | Err(answer) => Step::Stay(answer),
        }
    }
}

impl From<Reply> for Step {
    fn from(reply: Reply) -> Self {
        Step::Stay(reply.into())
    }
}

impl Session {
    pub(super) fn command_in_visit(
        &mut self,
        mut visit: Visit,
        command: Command,
        recorded_verb: Option<&'static str>,
        context: &Context<'_>,
    ) -> Answer {
        if !matches!(command, Command::Noop) {
            self.bad_commands = 0;
        }
        let keeps_part = visit.keeps_part(&command);
        let subject = recorded_verb
            .filter(|_| context.wants_notices)
            .and_then(|verb| Subject::of(verb, &command, &visit));
        let step = self.step(&mut visit, command, context);
        self.notice = subject.and_then(|subject| subject.outcome(&step)).map(Box::new);
        if !keeps_part {
            visit.part = Part::Whole;
        }
        match step {
            Step::Stay(answer) => {
                self.state = State::Ready(visit);
                answer
            }
            Step::Passive(form) => {
                self.state = State::AwaitingPort(visit, form);
                Request::ArmPassive.into()
            }
            Step::Start(mut transfer, request) => {
                match visit.mode_z_place(context) {
                    Ok(place) => transfer.mode_z_place = place,
                    Err(busy) => {
                        self.state = State::Ready(visit);
                        return busy;
                    }
                }
                self.state = State::Transferring(visit, transfer);
                request.into()
            }
            Step::AnswerAtLength(answer) => {
                self.state = State::Answering(visit);
                answer
            }
            Step::Leave(state, answer) => {
                self.state = state;
                answer
            }
        }
    }

    fn step(&self, visit: &mut Visit, command: Command, context: &Context<'_>) -> Step {
        // Only the command right behind RNFR can be its RNTO.
        let renaming = visit.renaming.take();
        match command {
            // Naming a user starts over: nothing of the visit is left (threat B04).
            Command::User(name) => Step::Leave(
                State::Login(Login::UserGiven(User::named(&name, context))),
                Answer::ReplyAndRequest(reply::USER_OK, Request::Disarm),
            ),
            Command::Rein => Step::Leave(
                State::Login(Login::Start),
                Answer::ReplyAndRequest(reply::READY_FOR_NEW_USER, Request::Disarm),
            ),
            Command::Quit => Step::Leave(State::Closing, Answer::ReplyAndRequest(reply::GOODBYE, Request::Close)),
            Command::Pass(_) | Command::Host => reply::BAD_SEQUENCE.into(),
            Command::Acct => reply::ACCOUNT_NOT_NEEDED.into(),
            Command::Noop => reply::NOOP_OK.into(),
            Command::Allo => reply::ALLO_NOT_NEEDED.into(),
            Command::Pret => reply::PRET_OK.into(),
            Command::Clnt => reply::CLIENT_NOTED.into(),

            Command::Syst => reply::SYSTEM_TYPE.into(),
            Command::Feat => context.features.reply(visit.facts, visit.digest).into(),
            Command::Help => Reply::help().into(),
            Command::SiteHelp => Reply::site_help().into(),
            Command::StatSession => visit.session_status(self.peer()).into(),
            Command::OptsUtf8 => reply::UTF8_ON.into(),
            Command::OptsMlst(facts) => visit.set_facts(&facts).into(),
            Command::Type(representation) => visit.set_representation(representation).into(),
            Command::Mode(transmission) => visit.set_transmission(transmission).into(),
            Command::OptsDeflate(level) => visit.set_deflate_level(level).into(),
            Command::Structure => reply::STRUCTURE_OK.into(),

            Command::Pwd => Reply::working_directory(&visit.working_directory).into(),
            Command::Cwd(path) => visit.change_directory(&path).into(),
            Command::Cdup => visit.change_to_parent().into(),

            Command::List(argument) => visit.list(&argument, context),
            Command::Nlst(argument) => visit.name_list(&argument),
            Command::Mlsd(path) => visit.facts_list(path.as_ref()),
            Command::Mlst(path) => visit.facts_of(path.as_ref()).into(),
            Command::StatPath(path) => visit.list_on_control(&path, context),

            Command::Size(path) => visit.size(&path).into(),
            Command::Mdtm(path) => visit.modification_time(&path).into(),
            Command::MdtmOrSet { literal, time, path } => visit.modification_time_or_set(&literal, time, &path).into(),
            Command::Rest(offset) => visit.restart_at(offset).into(),
            Command::Retr(path) => visit.retrieve(&path, context),

            Command::Stor(path) => visit.store(&path, context),
            Command::Appe(path) => visit.append(&path, context),
            Command::Stou(path) => visit.store_unique(path.as_ref(), self.number, context),
            Command::Dele(path) => visit.remove_file(&path, context).into(),
            Command::Mkd(path) => visit.make_directory(&path, context).into(),
            Command::Rmd(path) => visit.remove_directory(&path, context).into(),
            Command::Rnfr(path) => visit.rename_from(&path).into(),
            Command::Rnto(path) => visit.rename_to(renaming, &path, context).into(),
            Command::SetModified(time, path) => visit.set_modified(time, &path).into(),
            Command::SetFacts(changes, path) => visit.change_facts(&changes, &path).into(),
            Command::SiteUtime(time, path) => visit.site_utime(time, &path).into(),
            Command::SiteChmod(mode, path) => visit.site_chmod(mode, &path).into(),
            Command::Avbl(path) => visit.space_available(path.as_ref(), context).into(),
            Command::Digest(request) => visit.digest(&request),
            Command::OptsHash(digest) => visit.choose_digest(digest).into(),
            Command::Range(range) => visit.restrict_to(range).into(),

            Command::Pasv => self.passive(visit),
            Command::Epsv(EpsvArgument::All) => visit.only_extended().into(),
            Command::Epsv(argument) => self.extended_passive(argument),
            Command::Port(address) => self.active(visit, address, context).into(),
            Command::Eprt(address) => self.active(visit, address, context).into(),
            // No transfer runs, or the command would have been seen earlier: what is armed is forgotten.
            Command::Abor => Step::Stay(Answer::ReplyAndRequest(reply::NOTHING_TO_ABORT, Request::Disarm)),
        }
    }
}

impl Visit {
    /// REST and RANG are meant for the next transfer; only what prepares that transfer may stand between (threat B03).
    fn keeps_part(&self, command: &Command) -> bool {
        matches!(
            command,
            Command::Rest(_)
                | Command::Range(_)
                | Command::Pasv
                | Command::Epsv(_)
                | Command::Port(_)
                | Command::Eprt(_)
                | Command::Type(_)
                | Command::Size(_)
        )
    }
}

//! Dispatch of commands after login: one line for each verb. The commands themselves are in the files of their groups.

use super::Session;
use super::effect::Effect;
use super::notice::Subject;
use super::refusal::Refusal;
use super::state::{Activity, Client, Part, State, Visit};
use super::step::{Context, Step};
use crate::ftp::command::{Command, EpsvArgument};
use crate::ftp::reply::{self, Reply};

impl Session {
    pub(super) fn command_in_visit(&mut self, command: Command, context: &Context<'_>) -> Step {
        let State::Visit(visit, activity) = &mut self.state else {
            return reply::BAD_SEQUENCE.into();
        };
        let keeps_part = keeps_part(&command);
        let is_noticed = context.wants_notices;
        let subject = is_noticed.then(|| Subject::of(&command, visit)).flatten();
        let result = visit.command(command, &self.client, context);
        if !keeps_part {
            visit.part = Part::Whole;
        }
        let step = match result {
            Ok((started, step)) => {
                *activity = started;
                step
            }
            Err(refusal) => {
                if let Refusal::Storage(error) = refusal {
                    self.client.log_unexpected(error);
                }
                refusal.into_reply().into()
            }
        };
        self.notice = subject.and_then(|subject| subject.into_notice(&step)).map(Box::new);
        step
    }
}

impl Visit {
    fn command(&mut self, command: Command, client: &Client, context: &Context<'_>) -> Result<Effect, Refusal> {
        // Only the command directly after RNFR can be its RNTO.
        let renaming = self.renaming.take();
        let reply = match command {
            Command::Pasv => return self.passive(client),
            Command::Epsv(EpsvArgument::All) => self.require_extended(),
            Command::Epsv(argument) => return self.extended_passive(argument, client),
            Command::Port(address) | Command::Eprt(address) => return self.active(address, client, context),
            // During a transfer ABOR is handled before; here it only disarms the data connection.
            Command::Abor => return Ok((Activity::Idle, Step::Disarm(reply::NOTHING_TO_ABORT))),

            Command::Retr(path) => return self.retrieve(&path, context),
            Command::Stor(path) => return self.store(&path, context),
            Command::Appe(path) => return self.append(&path, context),
            Command::Stou(path) => return self.store_unique(path.as_ref(), client.session, context),
            Command::List(argument) => return self.list(&argument, context),
            Command::Nlst(argument) => return self.name_list(&argument, context),
            Command::Mlsd(path) => return self.facts_list(path.as_ref(), context),
            Command::StatPath(path) => return self.list_on_control(&path, context),
            Command::Digest(request) => return self.digest(&request),

            Command::Pwd => Reply::working_directory(&self.working_directory),
            Command::Cwd(path) => self.change_directory(&path)?,
            Command::Cdup => self.change_to_parent()?,
            Command::Mlst(path) => self.facts_of(path.as_ref())?,
            Command::Size(path) => self.size(&path)?,
            Command::Mdtm(path) => self.modification_time(&path)?,
            Command::MdtmOrSet { literal, time, path } => self.modification_time_or_set(&literal, time, &path)?,
            Command::Rest(offset) => self.set_restart(offset),
            Command::Range(range) => self.set_range(range),

            Command::Dele(path) => self.remove_file(&path, context)?,
            Command::Mkd(path) => self.make_directory(&path, context)?,
            Command::Rmd(path) => self.remove_directory(&path, context)?,
            Command::Rnfr(path) => self.rename_from(&path)?,
            Command::Rnto(path) => self.rename_to(renaming, &path, context)?,
            Command::SetModified(time, path) => self.set_modified(time, &path)?,
            Command::SetFacts(changes, path) => self.change_facts(&changes, &path)?,
            Command::SiteUtime(time, path) => self.site_utime(time, &path)?,
            Command::SiteChmod(mode, path) => self.site_chmod(mode, &path)?,
            Command::Avbl(path) => self.space_available(path.as_ref(), context)?,

            Command::Type(representation) => self.set_representation(representation),
            Command::Mode(transmission) => self.set_transmission(transmission),
            Command::OptsDeflate(level) => self.set_deflate_level(level),
            Command::OptsMlst(facts) => self.set_facts(facts),
            Command::OptsHash(digest) => self.set_digest(digest),
            Command::OptsUtf8 => reply::UTF8_ON,
            Command::Structure => reply::STRUCTURE_OK,

            Command::Syst => reply::SYSTEM_TYPE,
            Command::Feat => context.features().reply(self.facts, self.digest),
            Command::Help => Reply::help(context.tls.is_some()),
            Command::SiteHelp => Reply::site_help(),
            Command::StatSession => {
                let is_read_only = !self.rights.allows_changes();
                Reply::session_status(client.ip(), self.representation, self.transmission, is_read_only)
            }
            Command::Noop => reply::NOOP_OK,
            Command::Allo => reply::ALLO_NOT_NEEDED,
            Command::Pret => reply::PRET_OK,
            Command::Clnt => reply::CLIENT_NOTED,
            Command::Acct => reply::ACCOUNT_NOT_NEEDED,
            // All but the first two were answered before.
            Command::Pass(_)
            | Command::Host
            | Command::User(_)
            | Command::Rein
            | Command::Quit
            | Command::Auth(_)
            | Command::ProtectionBufferSize
            | Command::Prot(_)
            | Command::Ccc => reply::BAD_SEQUENCE,
        };
        Ok((Activity::Idle, Step::Reply(reply)))
    }
}

/// REST and RANG apply to the next transfer; only commands that prepare it may come in between (threat B03).
fn keeps_part(command: &Command) -> bool {
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

//! The operations of well-behaved clients.

use super::Draft;
use crate::measurements::ClassKind;
use crate::scenario::Scenario;
use crate::script::{Flow, Operation, ScriptStep};
use loopftpd::computed_file::Content;
use std::rc::Rc;
use std::time::Duration;

impl Draft<'_> {
    /// A judged operation with a class of its own.
    pub(super) fn operation(&mut self, name: &'static str, steps: Vec<ScriptStep>) -> Rc<Operation> {
        let class = self.add_class(name, ClassKind::Operation, true);
        Rc::new(Operation { class, steps })
    }

    pub(super) fn session_login(&mut self, name: &'static str, is_judged: bool) -> Rc<Operation> {
        let mut steps = self.login_steps();
        steps.push(ScriptStep::send("TYPE I", &[200]));
        let class = self.add_class(name, ClassKind::Login, is_judged);
        Rc::new(Operation { class, steps })
    }

    pub(super) fn login_steps(&self) -> Vec<ScriptStep> {
        vec![
            ScriptStep::Connect,
            ScriptStep::send(format!("USER {}", self.options.user), &[331, 230]),
            ScriptStep::send(format!("PASS {}", self.options.password), &[230, 202]),
        ]
    }

    pub(super) fn passive(&self) -> ScriptStep {
        ScriptStep::Passive(self.options.passive_command)
    }

    pub(super) fn noop(&mut self) -> Rc<Operation> {
        self.operation("noop", vec![ScriptStep::send("NOOP", &[200])])
    }

    /// A passive port and a listing.
    pub(super) fn cycle(&mut self) -> Rc<Operation> {
        let line = match &self.options.path {
            Some(path) if self.options.scenario != Scenario::Mixed => format!("{} {path}", self.options.list),
            Some(_) | None => self.options.list.clone(),
        };
        let steps = vec![self.passive(), ScriptStep::discard(line)];
        self.operation("cycle", steps)
    }

    pub(super) fn retrieve(&self) -> Rc<str> {
        format!("RETR {}", self.options.file()).into()
    }

    pub(super) fn download(&mut self) -> Rc<Operation> {
        let line = self.retrieve();
        let flow = self.options.expect.clone();
        let steps = vec![self.passive(), ScriptStep::Transfer { line, flow }];
        self.operation("download", steps)
    }

    /// A listing whose passive port a thief connects to, the given time ahead of its client.
    pub(super) fn theft(&mut self, name: &'static str, ahead: Duration) -> Rc<Operation> {
        let steps = vec![
            self.passive(),
            ScriptStep::Steal,
            ScriptStep::Pause(ahead),
            ScriptStep::discard(self.options.list.clone()),
            ScriptStep::CountStolenBytes,
        ];
        self.operation(name, steps)
    }

    /// Uploads the client's own file and downloads it again, unless uploads alone are measured.
    pub(super) fn upload(&self, class: usize, client: usize) -> Rc<Operation> {
        let directory = self.upload_directory();
        let separator = if directory.is_empty() { "" } else { "/" };
        let file = format!("{directory}{separator}storm-{client}.pattern");
        let size = self.options.size;
        let transfer = |line: String, flow| ScriptStep::Transfer {
            line: line.into(),
            flow,
        };
        let store = |content| transfer(format!("STOR {file}"), Flow::Upload { content, size });
        let steps = if self.options.store_only {
            vec![self.passive(), store(Content::Zero)]
        } else {
            let content = Content::Pattern;
            let compare = Flow::Compare { content, size };
            vec![
                self.passive(),
                store(content),
                self.passive(),
                transfer(format!("RETR {file}"), compare),
            ]
        };
        Rc::new(Operation { class, steps })
    }

    /// `--path`, or the directory of the file in it, where `mixed` downloads that file as well.
    fn upload_directory(&self) -> &str {
        let path = self.options.path.as_deref().unwrap_or("");
        if self.options.scenario == Scenario::Mixed && self.options.mix.download > 0 {
            path.rsplit_once('/').map_or("", |(directory, _)| directory)
        } else {
            path.trim_end_matches('/')
        }
    }
}

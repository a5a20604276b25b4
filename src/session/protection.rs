//! What of a session is encrypted: AUTH, PBSZ, PROT and CCC (RFC 2228 §3, RFC 4217).

use super::Session;
use super::state::{Login, Protection, State};
use super::step::{Context, Step};
use crate::ftp::command::{Command, ProtectionLevel, SecurityMechanism};
use crate::ftp::reply;
use crate::options::TlsPolicy;

impl Session {
    /// Whether data connections are to be encrypted. It cannot change while one exists.
    pub fn encrypts_data(&self) -> bool {
        matches!(
            self.protection,
            Protection::Encrypted {
                encrypts_data: true,
                ..
            }
        )
    }

    /// The session is encrypted from its first byte (implicit TLS). Its data connections are too, until PROT C.
    pub fn is_encrypted_from_start(&mut self) {
        self.protection = Protection::Encrypted {
            has_buffer_size: true,
            encrypts_data: true,
        };
    }

    /// AUTH, PBSZ, PROT and CCC.
    pub(super) fn protect(&mut self, command: &Command, context: &Context<'_>) -> Step {
        let Protection::Encrypted {
            has_buffer_size,
            encrypts_data,
        } = &mut self.protection
        else {
            return match command {
                Command::Auth(SecurityMechanism::Tls) => self.start_tls(),
                Command::Auth(SecurityMechanism::Other) => reply::USE_AUTH_TLS.into(),
                _ => reply::AUTH_FIRST.into(),
            };
        };
        match command {
            Command::Auth(_) => reply::ALREADY_ENCRYPTED,
            Command::ProtectionBufferSize => {
                *has_buffer_size = true;
                reply::PBSZ_OK
            }
            Command::Prot(_) if !*has_buffer_size => reply::PBSZ_FIRST,
            Command::Prot(ProtectionLevel::Private) => {
                *encrypts_data = true;
                reply::PROTECTION_PRIVATE
            }
            Command::Prot(ProtectionLevel::Clear) if context.tls == Some(TlsPolicy::RequireData) => {
                reply::PROTECTION_REQUIRED
            }
            Command::Prot(ProtectionLevel::Clear) => {
                *encrypts_data = false;
                reply::PROTECTION_CLEAR
            }
            Command::Prot(ProtectionLevel::Unsupported) => reply::PROTECTION_UNSUPPORTED,
            _ => reply::CCC_REFUSED,
        }
        .into()
    }

    /// Nothing that was said in clear is kept: somebody else may have said it (threat E02).
    fn start_tls(&mut self) -> Step {
        self.state = State::Login(Login::Start);
        self.protection = Protection::Encrypted {
            has_buffer_size: false,
            encrypts_data: false,
        };
        Step::StartTls(reply::TLS_BEGINS)
    }

    /// Refuses what the server's policy does not permit unencrypted (threat E04).
    pub(super) fn refuse_unencrypted(&self, command: &Command, context: &Context<'_>) -> Option<Step> {
        let policy = context.tls?;
        let is_clear = self.protection == Protection::Clear;
        match command {
            Command::User(_) | Command::Pass(_) if is_clear && policy != TlsPolicy::Allow => {
                Some(reply::ENCRYPT_FIRST.into())
            }
            command if policy == TlsPolicy::RequireData && command.transfers_data() && !self.encrypts_data() => {
                Some(reply::ENCRYPT_DATA.into())
            }
            _ => None,
        }
    }
}

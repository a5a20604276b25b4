//! Uploads: STOR, APPE, STOU, and REST before STOR (RFC 959 §4.1.3, RFC 3659 §5).
//!
//! Names and rights are checked before the `150`, so that a refusal costs no transfer. A new file does not appear under
//! its name until it is complete; see [`Upload`](crate::storage::Upload).

use super::effect::{Effect, transferring};
use super::outcome::TransferKind;
use super::refusal::Refusal;
use super::state::{Part, Visit};
use super::step::Context;
use crate::accounts::Rights;
use crate::ftp::command::{PathArgument, Representation};
use crate::ftp::path::VirtualPath;
use crate::ftp::reply::{self, Reply};
use crate::storage::{Audience, Existing, StorageError, UploadKind};
use crate::transfer::{Pump, ReceiveFile};

/// How many names STOU tries (threat H03).
const UNIQUE_ATTEMPTS: u32 = 100;

impl Visit {
    pub(super) fn store(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        let kind = match self.part {
            Part::Whole => UploadKind::Whole(self.existing_files()?),
            Part::From(offset) => {
                self.must_be_allowed(Rights::OVERWRITE)?;
                if self.representation == Representation::Ascii {
                    return Err(reply::RESTART_NEEDS_IMAGE.into());
                }
                UploadKind::From(offset)
            }
            // Storing only a part could replace the whole file, so it is refused.
            Part::Range { .. } => return Err(reply::RANGE_IS_NOT_FOR_UPLOADS.into()),
        };
        let path = self.file_to_make(argument)?;
        self.must_exist_or_be_creatable(&path)?;
        self.start_upload("STOR", path, kind, reply::OPENING_UPLOAD, context)
    }

    pub(super) fn append(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Effect, Refusal> {
        self.must_be_allowed(Rights::APPEND)?;
        self.must_have_no_range()?;
        let path = self.file_to_make(argument)?;
        self.must_exist_or_be_creatable(&path)?;
        self.start_upload("APPE", path, UploadKind::Append, reply::OPENING_UPLOAD, context)
    }

    /// STOU: stores under an unused name made from the argument (RFC 1123 §4.1.2.9). `session`: this session's number.
    pub(super) fn store_unique(
        &self,
        argument: Option<&PathArgument>,
        session: u64,
        context: &Context<'_>,
    ) -> Result<Effect, Refusal> {
        self.must_be_allowed(Rights::CREATE)?;
        self.must_have_no_range()?;
        let unnamed = PathArgument(b"upload".to_vec());
        let wanted = self.file_to_make(argument.unwrap_or(&unnamed))?;
        // An argument that is the root itself was refused above.
        let stem = wanted.components().last().ok_or(StorageError::Exists)?.to_vec();
        for attempt in 0..UNIQUE_ATTEMPTS {
            // Names of running uploads are not visible, so a name must be unique among sessions: the session number
            // makes it so within one run of the server, and the time across restarts.
            let mut name = stem.clone();
            name.extend_from_slice(format!(".{}.{session}.{attempt}", context.wall.seconds()).as_bytes());
            let path = wanted.parent().join(&name).ok_or(StorageError::NewNameTooLong)?;
            let opening = Reply::opening_unique(&name);
            match self.start_upload("STOU", path, UploadKind::Whole(Existing::Refuse), opening, context) {
                Err(Refusal::Storage(StorageError::Exists | StorageError::DirectoryExists)) => {}
                result => return result,
            }
        }
        Err(StorageError::Exists.into())
    }

    /// RANG with APPE or STOU is not defined (draft-bryan-ftp-range §4.3).
    fn must_have_no_range(&self) -> Result<(), Refusal> {
        match self.part {
            Part::Whole | Part::From(_) => Ok(()),
            Part::Range { .. } => Err(reply::RANGE_IS_NOT_FOR_UPLOADS.into()),
        }
    }

    fn start_upload(
        &self,
        verb: &'static str,
        path: VirtualPath,
        kind: UploadKind,
        opening: Reply,
        context: &Context<'_>,
    ) -> Result<Effect, Refusal> {
        let upload = self
            .storage
            .begin_upload(&path, kind, self.audience(), self.quota(context)?)?;
        let transfer = self.transfer(verb, path, TransferKind::Upload, opening, context)?;
        let pump = Pump::Incoming(ReceiveFile::new(upload, self.representation, self.transmission));
        Ok(transferring(transfer, pump))
    }

    /// Who may read new files and directories on this machine: not everyone if the client itself may not read them (a
    /// drop box).
    pub(super) fn audience(&self) -> Audience {
        if self.rights.contains(Rights::READ) {
            Audience::Everyone
        } else {
            Audience::OwnerAndGroup
        }
    }

    /// Whether STOR may replace an existing file. Fails if the client may not store any file.
    fn existing_files(&self) -> Result<Existing, Refusal> {
        if self.rights.contains(Rights::OVERWRITE) {
            return Ok(Existing::Replace);
        }
        self.must_be_allowed(Rights::CREATE)?;
        Ok(Existing::Refuse)
    }

    /// The rights to overwrite and to append cover existing files only; a new file requires the right to create.
    fn must_exist_or_be_creatable(&self, path: &VirtualPath) -> Result<(), Refusal> {
        match self.must_be_allowed(Rights::CREATE) {
            Ok(()) => Ok(()),
            Err(refusal) => self.storage.entry(path).map(drop).map_err(|error| match error {
                StorageError::NotFound => refusal,
                other => other.into(),
            }),
        }
    }
}

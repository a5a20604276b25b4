//! Files from the client: STOR, APPE, STOU, with REST before STOR (RFC 959 §4.1.3, RFC 3659 §5).
//!
//! What a name may become is decided before the `150`, so that a refusal costs no transfer. Nothing is seen of a whole
//! file under its name until all of it has come; see [`Upload`](crate::storage::Upload).

use super::Context;
use super::begun::{Begun, transferring};
use super::refusal::Refusal;
use super::state::{Part, Visit};
use super::transfer_record::TransferKind;
use crate::accounts::Rights;
use crate::ftp::command::{PathArgument, Representation};
use crate::ftp::path::{PathError, VirtualPath};
use crate::ftp::reply::{self, Reply};
use crate::storage::{Audience, Existing, StorageError, UploadKind};
use crate::transfer::{Pump, ReceiveFile};

/// How many names STOU tries (threat H03).
const UNIQUE_ATTEMPTS: u32 = 100;

impl Visit {
    pub(super) fn store(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Begun, Refusal> {
        let kind = match self.part {
            Part::Whole => UploadKind::Whole(self.existing_files()?),
            Part::From(offset) => {
                self.must_be_allowed(Rights::OVERWRITE)?;
                if self.representation == Representation::Ascii {
                    return Err(reply::RESTART_NEEDS_IMAGE.into());
                }
                UploadKind::From(offset)
            }
            // A client that wants to mend a part of a file must not lose the rest of it.
            Part::Range { .. } => return Err(reply::RANGE_IS_NOT_FOR_UPLOADS.into()),
        };
        let path = self.file_to_make(argument)?;
        self.must_be_there_or_allowed(&path)?;
        self.receive("STOR", path, kind, reply::OPENING_UPLOAD, context)
    }

    pub(super) fn append(&self, argument: &PathArgument, context: &Context<'_>) -> Result<Begun, Refusal> {
        self.must_be_allowed(Rights::APPEND)?;
        self.must_have_no_range()?;
        let path = self.file_to_make(argument)?;
        self.must_be_there_or_allowed(&path)?;
        self.receive("APPE", path, UploadKind::Append, reply::OPENING_UPLOAD, context)
    }

    /// STOU: a name that nobody has, made from the one that was given (RFC 1123 §4.1.2.9).
    /// `session`: the number of this one.
    pub(super) fn store_unique(
        &self,
        argument: Option<&PathArgument>,
        session: u64,
        context: &Context<'_>,
    ) -> Result<Begun, Refusal> {
        self.must_be_allowed(Rights::CREATE)?;
        self.must_have_no_range()?;
        let unnamed = PathArgument(b"upload".to_vec());
        let wanted = self.file_to_make(argument.unwrap_or(&unnamed))?;
        let stem = wanted.components().last().unwrap_or_default().to_vec();
        for attempt in 0..UNIQUE_ATTEMPTS {
            // An upload under way has no name that others could see, so no two sessions may want the same one; the
            // time of day keeps the sessions of different days apart.
            let mut name = stem.clone();
            name.extend_from_slice(format!(".{}.{session}.{attempt}", context.wall.seconds()).as_bytes());
            let path = wanted
                .parent()
                .join(&name)
                .map_err(|PathError::TooLong| StorageError::NewNameTooLong)?;
            let opening = Reply::opening_unique(&name);
            match self.receive("STOU", path, UploadKind::Whole(Existing::Refuse), opening, context) {
                Err(Refusal::Storage(StorageError::Exists | StorageError::DirectoryExists)) => {}
                begun => return begun,
            }
        }
        Err(StorageError::Exists.into())
    }

    /// RANG with APPE or STOU has no meaning that a client could rely on (draft-bryan-ftp-range §4.3).
    fn must_have_no_range(&self) -> Result<(), Refusal> {
        match self.part {
            Part::Whole | Part::From(_) => Ok(()),
            Part::Range { .. } => Err(reply::RANGE_IS_NOT_FOR_UPLOADS.into()),
        }
    }

    fn receive(
        &self,
        verb: &'static str,
        path: VirtualPath,
        kind: UploadKind,
        opening: Reply,
        context: &Context<'_>,
    ) -> Result<Begun, Refusal> {
        let upload = self
            .storage
            .begin_upload(&path, kind, self.audience(), self.quota(context)?)?;
        let transfer = self.transfer(verb, path, TransferKind::Upload, opening, context)?;
        let pump = Pump::Incoming(ReceiveFile::new(upload, self.representation, self.transmission));
        Ok(transferring(transfer, pump))
    }

    /// A drop box is for whom it belongs to: what its clients cannot fetch, nobody else on the machine is to read.
    pub(super) fn audience(&self) -> Audience {
        if self.rights.contains(Rights::READ) {
            Audience::Everyone
        } else {
            Audience::OwnerAndGroup
        }
    }

    /// What may happen to a file that has the name already; fails where nothing may be stored at all.
    fn existing_files(&self) -> Result<Existing, Refusal> {
        if self.rights.contains(Rights::OVERWRITE) {
            return Ok(Existing::Replace);
        }
        self.must_be_allowed(Rights::CREATE)?;
        Ok(Existing::Refuse)
    }

    /// The rights to replace a file and to add to it are about files that are there: putting one where there was none
    /// takes its own.
    fn must_be_there_or_allowed(&self, path: &VirtualPath) -> Result<(), Refusal> {
        match self.must_be_allowed(Rights::CREATE) {
            Ok(()) => Ok(()),
            Err(refusal) => self.storage.entry(path).map(drop).map_err(|error| match error {
                StorageError::NotFound => refusal,
                other => other.into(),
            }),
        }
    }
}

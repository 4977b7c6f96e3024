"""What can happen, and how it can end. The names are stable: exports and filters use them."""

from django.db.models import TextChoices


class Act(TextChoices):
    SIGNED_IN = "person.signed-in", "Signed in"
    SIGN_IN_FAILED = "person.sign-in-failed", "Sign-in failed"
    SIGNED_OUT = "person.signed-out", "Signed out"
    CREDENTIALS_CHANGED = "person.credentials-changed", "Changed sign-in details"
    INVITED = "member.invited", "Invited somebody"
    INVITATION_WITHDRAWN = "member.invitation-withdrawn", "Withdrew an invitation"
    JOINED = "member.joined", "Joined"
    MEMBER_CHANGED = "member.changed", "Changed a member"
    INSTITUTION_CHANGED = "institution.changed", "Changed the institution's own page"
    EVIDENCE_CHECKED = "institution.evidence", "Looked at a proof of the institution"
    MAIL_SENT = "mail.sent", "Sent a mail"
    MAIL_REFUSED = "mail.refused", "Could not send a mail"
    MAIL_UNCERTAIN = "mail.uncertain", "Perhaps sent a mail"
    SEARCHED = "study.searched", "Searched studies"
    STUDY_OPENED = "study.opened", "Opened a study's page"
    METADATA_READ = "study.metadata-read", "Read image details"
    IMAGES_VIEWED = "study.images-viewed", "Viewed images"
    IMAGES_DOWNLOADED = "study.downloaded", "Downloaded images"
    UPLOAD_STARTED = "upload.started", "Started an upload"
    INSTANCES_STORED = "upload.stored", "Stored images"
    UPLOAD_FINISHED = "upload.finished", "Finished an upload"
    UPLOAD_CANCELLED = "upload.cancelled", "Cancelled an upload"
    RECEIPT_READ = "upload.receipt-read", "Read a receipt"
    LINK_CREATED = "link.created", "Created a share link"
    LINK_CLAIMED = "link.claimed", "Opened a share link"
    LINK_LEFT = "link.left", "Closed a share link"
    LINK_CLAIM_REFUSED = "link.claim-refused", "Was refused at a share link"
    LINK_CODE_SENT = "link.code-sent", "Was sent a one-time code"
    LINK_REVOKED = "link.revoked", "Revoked a share link"
    LINK_EXTENDED = "link.extended", "Extended a share link"
    LINKS_LISTED = "link.listed", "Listed share links"
    STORE_SWEPT = "store.swept", "Cleared the image store"
    TOKEN_CREATED = "token.created", "Created an API token"
    TOKEN_REVOKED = "token.revoked", "Revoked an API token"
    MACHINE_ADDED = "machine.added", "Added a machine"
    MACHINE_CHANGED = "machine.changed", "Changed a machine"
    MACHINE_SIGNED_IN = "machine.signed-in", "A machine signed in"
    MACHINE_REFUSED = "machine.refused", "A machine was not let in"
    GRANT_PROPOSED = "grant.proposed", "Proposed terms to a partner"
    GRANT_APPROVED = "grant.approved", "Agreed to terms with a partner"
    GRANT_DECLINED = "grant.declined", "Declined terms of a partner"
    GRANT_ACCEPTED = "grant.accepted", "Both sides agreed"
    GRANT_BEGUN = "grant.begun", "A partner's access began"
    GRANT_STOPPED = "grant.stopped", "Stopped a partner's access"
    GRANT_RESUMED = "grant.resumed", "Took back a stop"
    GRANT_ENDED = "grant.ended", "Ended a partner's access"
    GRANT_MACHINE_NAMED = "grant.machine-named", "Let a machine use a partner's access"
    GRANT_MACHINE_TAKEN_OFF = "grant.machine-taken-off", "Took a machine off a partner's access"
    STUDY_MARKED = "study.marked", "Changed a study's department or tags"
    ACTIVITY_READ = "audit.read", "Reviewed the activity"
    ACCESS_REFUSED = "access.refused", "Was refused"


class Outcome(TextChoices):
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class ActorKind(TextChoices):
    PERSON = "person", "Person"
    LINK = "link", "Visitor with a link"
    MACHINE = "machine", "Machine"
    OPERATOR = "operator", "Operator at the shell"
    NOBODY = "nobody", "Not signed in"


SCHEMA_VERSION = 1

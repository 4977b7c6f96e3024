"""Why a file or an archive is not taken, in words that a physician understands."""

from enum import StrEnum
from types import MappingProxyType

from sharing.kernel.errors import SharingError


class Reason(StrEnum):
    """What was wrong; the value is stored and never shown."""

    EMPTY = "empty"
    NOT_DICOM = "not-dicom"
    TRUNCATED = "truncated"
    TRUNCATED_PIXELS = "truncated-pixels"
    SHORT_PIXELS = "short-pixels"
    MISSING_FRAMES = "missing-frames"
    UNCLEAR_FRAMES = "unclear-frames"
    BAD_STRUCTURE = "bad-structure"
    BAD_COMPRESSION = "bad-compression"
    INFLATES_TOO_FAR = "inflates-too-far"
    TOO_DEEP = "too-deep"
    TOO_MANY_ELEMENTS = "too-many-elements"
    TOO_MANY_FRAMES = "too-many-frames"
    IMAGE_TOO_LARGE = "image-too-large"
    VALUE_TOO_LONG = "value-too-long"
    NO_CLASS_UID = "no-class-uid"
    NO_STUDY_UID = "no-study-uid"
    NO_SERIES_UID = "no-series-uid"
    NO_INSTANCE_UID = "no-instance-uid"
    BAD_UID = "bad-uid"
    NOT_OF_A_PATIENT = "not-of-a-patient"
    ARCHIVE_DAMAGED = "archive-damaged"
    ARCHIVE_ENCRYPTED = "archive-encrypted"
    ARCHIVE_OVERLAPS = "archive-overlaps"
    ARCHIVE_TOO_LARGE = "archive-too-large"
    ARCHIVE_TOO_MANY = "archive-too-many"


_AGAIN = "Please export it again from the system that made it."

SENTENCES = MappingProxyType(
    {
        Reason.EMPTY: "This file is empty; the copy did not work. Please copy it again.",
        Reason.NOT_DICOM: "This file is not a medical image in DICOM format.",
        Reason.TRUNCATED: "The end of this file is missing; the copy is damaged. "
        "Please copy it again from the disc or export it again.",
        Reason.TRUNCATED_PIXELS: "This file ends in the middle of an image; "
        "the copy on the disc is damaged.",
        Reason.SHORT_PIXELS: "This file holds less image than it announces: "
        f"a part of the picture is missing. {_AGAIN}",
        Reason.MISSING_FRAMES: "This file holds fewer images than it announces: "
        f"some are missing. {_AGAIN}",
        Reason.UNCLEAR_FRAMES: "It is not clear where one image of this file ends "
        f"and the next begins. {_AGAIN}",
        Reason.BAD_STRUCTURE: "The parts of this file contradict each other; "
        f"the file is damaged. {_AGAIN}",
        Reason.BAD_COMPRESSION: f"The compressed content of this file is damaged. {_AGAIN}",
        Reason.INFLATES_TOO_FAR: "This file unpacks to far more than an image needs, "
        "which can stall a computer, so it was not opened.",
        Reason.TOO_DEEP: "The content of this file is nested deeper than any real image, "
        "which can stall a computer, so it was not opened.",
        Reason.TOO_MANY_ELEMENTS: "This file has far more entries than any real image, "
        "which can stall a computer, so it was not opened.",
        Reason.TOO_MANY_FRAMES: "This file announces more images than can be handled.",
        Reason.IMAGE_TOO_LARGE: "This file announces a picture that is larger than any "
        "device makes, so it was not opened.",
        Reason.VALUE_TOO_LONG: "The patient or the study is named by a text that is far too "
        f"long to be real. {_AGAIN}",
        Reason.NO_CLASS_UID: f"This file does not say what kind of image it is. {_AGAIN}",
        Reason.NO_STUDY_UID: "This file does not say which study it belongs to, "
        f"so it cannot be filed safely. {_AGAIN}",
        Reason.NO_SERIES_UID: "This file does not say which series it belongs to, "
        f"so it cannot be filed safely. {_AGAIN}",
        Reason.NO_INSTANCE_UID: "This image has no number of its own, "
        f"so it cannot be told from others. {_AGAIN}",
        Reason.BAD_UID: "The numbers that tell this study, series or image from others "
        f"are not legal, so it cannot be filed safely. {_AGAIN}",
        Reason.NOT_OF_A_PATIENT: "This file is a setting of a workstation or a scanner, "
        "not an image or report of a patient.",
        Reason.ARCHIVE_DAMAGED: "This ZIP file is damaged. Please make it or copy it again.",
        Reason.ARCHIVE_ENCRYPTED: "This ZIP file is locked with a password. "
        "Please unpack it and send the folder.",
        Reason.ARCHIVE_OVERLAPS: "The parts of this ZIP file overlap, which no ordinary "
        "program does, so it was not opened.",
        Reason.ARCHIVE_TOO_LARGE: "This ZIP file unpacks to more than can be taken at once. "
        "Please unpack it and send the folder.",
        Reason.ARCHIVE_TOO_MANY: "This ZIP file holds more files than can be taken at once. "
        "Please unpack it and send the folder.",
    }
)


class RefusedError(SharingError):
    """The file is not taken; `reason` says why, `detail` says it to a person.

    The sentence never contains a value of the file, so that it can be logged and mailed.
    """

    status = 422
    title = "This file cannot be taken"
    code = "refused"

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(detail or SENTENCES[reason])
        self.reason = reason

    def __reduce__(self) -> "tuple[type[RefusedError], tuple[Reason, str]]":
        """Survive the way back from a guarded child process."""
        return RefusedError, (self.reason, self.detail)

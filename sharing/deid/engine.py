"""De-identify one instance after the other (PS3.15 Annex E).

An engine is a profile and a key. It shares nothing with other engines of the same two, in other
processes or on other machines, and all of them write the same bytes.
"""

import datetime
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sharing.deid import documents, faces, output
from sharing.deid.acting import Actor
from sharing.deid.cleaning import Texts
from sharing.deid.dataset import Transform
from sharing.deid.facts import Begun, Facts, facts_of
from sharing.deid.keys import Keys
from sharing.deid.known import Known
from sharing.deid.learning import learn_dataset
from sharing.deid.ledger import Doubt, Entry, Kind
from sharing.deid.marks import Marks, entries, file_meta
from sharing.deid.notes import Notes
from sharing.deid.profile import Profile
from sharing.deid.refusal import DeidError
from sharing.deid.rules import Rules
from sharing.deid.table import Option
from sharing.deid.text import Cleaner
from sharing.dicom.elements import EXPLICIT_LITTLE, Form, Window
from sharing.dicom.part10 import (
    MEDIA_DIRECTORY,
    META_CLASS,
    META_INSTANCE,
    NATIVE,
    Opening,
    as_uid,
    open_file,
)
from sharing.dicom.refusal import RefusedError
from sharing.dicom.scan import DataSet, open_dataset

if TYPE_CHECKING:
    from sharing.deid.pixels import Cleaned

_PATIENTS: Final = 8
_TEXT_LIKELY: Final = frozenset({"ES", "OT", "SC", "US"})
_CAPTURES: Final = "1.2.840.10008.5.1.4.1.1.7"
_BURNED_IN: Final = (
    "The file says that text is burned into the picture, and the profile leaves pixels alone."
)
_COMMENTS: Final = (
    "A comment inside of the compressed picture told who it is. All of them were blanked; look "
    "whether the picture itself tells it, too."
)
_MAY_BE_BURNED_IN: Final = (
    "Pictures of this kind often have text burned in, and the profile leaves pixels alone."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One instance, de-identified; UIDs are the new ones.

    Attributes
    ----------
    sha256, size
        Of the file that was written.
    syntax
        Its transfer syntax.
    ledger
        What was done and why.
    doubts
        What a person has to look at before it goes out.
    pixels
        What cleaning the pixels found and did, where the profile wants it.
    """

    sop_class: str
    study_uid: str
    series_uid: str
    instance_uid: str
    sha256: str
    size: int
    syntax: str
    ledger: tuple[Entry, ...]
    doubts: tuple[Doubt, ...]
    pixels: "Cleaned | None" = None


@dataclass(slots=True)
class _Opened:
    """A source, opened: its bytes, how it begins, its data set, and what is asked of it first."""

    path: Path
    window: Window
    opening: Opening
    dataset: DataSet
    facts: Facts
    begun: Begun


class Engine:
    """De-identifies by one profile and one key.

    Parameters
    ----------
    profile
        What to do.
    keys
        By which identities are replaced.
    created
        When the outputs count as made; now if it is not given. The same time gives the same bytes.
    durable
        Whether each file is safe on disk before `deidentify` answers.

    Examples
    --------
    >>> from sharing.deid.keys import Keys, new_secret
    >>> from sharing.deid.profile import BUNDLED
    >>> engine = Engine(BUNDLED["basic"], Keys(new_secret()))
    """

    def __init__(
        self,
        profile: Profile,
        keys: Keys,
        *,
        created: datetime.datetime | None = None,
        durable: bool = True,
    ) -> None:
        self.profile, self.keys, self.durable = profile, keys, durable
        self.rules = Rules(profile)
        self.marks = Marks(profile, created or datetime.datetime.now(datetime.UTC))
        self._texts: dict[tuple[int, str], Texts] = {}

    def known(self) -> Known:
        """Nothing yet known of anybody, to `learn` into: one for each study."""
        return Known(self.profile.options)

    def learn(self, source: Path, known: Known) -> Facts:
        """Read the header of one instance for what it says of the patient and others.

        Raises
        ------
        DeidError
            If the file cannot be de-identified anyway.
        """
        with _opened(source) as opened:
            learn_dataset(opened.window, opened.dataset, opened.facts.charset, known)
            return opened.facts

    def deidentify(
        self, source: Path, target: Path, known: Known | None = None, *, patient: str = ""
    ) -> Outcome:
        """Write the de-identified copy of one instance.

        Parameters
        ----------
        source
            A Part 10 file, or a data set without the head of one.
        target
            Where the copy goes: whole, under this name, or not at all.
        known
            What all instances of the study say of people; without it, what this one says.
        patient
            Who the patient is to `keys` (`keys.patient_key`); without it, as this file says.

        Raises
        ------
        DeidError
            If it cannot be done, in words; nothing is left behind.
        """
        with _opened(source) as opened:
            if known is None:
                known = self.known()
                learn_dataset(opened.window, opened.dataset, opened.facts.charset, known)
            return self._write(opened, target, known, patient or opened.facts.patient)

    def _write(self, opened: _Opened, target: Path, known: Known, patient: str) -> Outcome:
        facts, dataset = opened.facts, opened.dataset
        faceless = Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES in self.profile.options
        if faceless and (sentence := faces.refusal(facts)):
            raise DeidError(sentence)
        notes, texts = Notes(), self._texts_of(known, patient)
        document = documents.empty(facts.mime)
        actor = Actor(self.keys, texts, facts, notes, patient=patient, document=document)
        form = _form_due(dataset)
        added = self.marks.of(facts, form or dataset.form)
        transform = Transform(self.rules, actor, added, form)
        try:
            transform.run(opened.begun, dataset)
        except RefusedError as error:
            raise DeidError(error.detail) from None
        self._doubt_pixels(facts, notes, has_pixels=transform.pixels is not None)
        instance = self._new_uid(
            facts.instance or as_uid(opened.opening.meta.get(META_INSTANCE, b""))
        )
        head = file_meta(facts.sop_class, instance, dataset.transfer_syntax)
        body = output.Source(dataset.window).chunks(transform.top.out.parts)
        if dataset.inflated:
            body = output.deflated(body)
        cleaning: _PixelCleaning | _Forgetting | None = None
        if self._cleans(transform):
            cleaning = _PixelCleaning(opened.path, known, self.profile)
        elif transform.pixels is not None and dataset.transfer_syntax not in NATIVE:
            cleaning = _Forgetting(known, notes)
        sha256, size = self._put(target, _with_head(head, body), cleaning)
        cleaned = cleaning.cleaned if cleaning else None
        return Outcome(
            sop_class=facts.sop_class,
            study_uid=self._new_uid(facts.study),
            series_uid=self._new_uid(facts.series),
            instance_uid=instance,
            sha256=sha256,
            size=size,
            syntax=dataset.transfer_syntax,
            ledger=notes.ledger() + entries(tuple(added)) + _masked(cleaned),
            doubts=notes.all_doubts() + (cleaned.doubts if cleaned else ()),
            pixels=cleaned,
        )

    def _cleans(self, transform: Transform) -> bool:
        return Option.CLEAN_PIXEL_DATA in self.profile.options and transform.pixels is not None

    def _put(
        self,
        target: Path,
        data: Iterator[bytes | memoryview],
        cleaning: "_PixelCleaning | _Forgetting | None",
    ) -> tuple[str, int]:
        """Write, mask what is burned in, and only then give the file its name."""
        with output.Target(target, durable=self.durable) as file:
            written = output.write(file.descriptor, data)
            if cleaning is not None and cleaning.clean(file.partial):
                written = output.digest(file.partial)
        file.publish()
        return written

    def _new_uid(self, uid: str) -> str:
        return uid if Option.RETAIN_UIDS in self.profile.options else self.keys.uid(uid)

    def _texts_of(self, known: Known, patient: str) -> Texts:
        """Texts of one patient; the last few are kept, for a study comes in many files."""
        key = id(known), patient
        found = self._texts.get(key)
        if found is None or found.cleaner.known is not known:
            if len(self._texts) >= _PATIENTS:
                self._texts.clear()
            found = Texts(Cleaner(known, self.keys, patient, self.profile.text))
            self._texts[key] = found
        return found

    def _doubt_pixels(self, facts: Facts, notes: Notes, *, has_pixels: bool) -> None:
        if Option.CLEAN_PIXEL_DATA in self.profile.options or not has_pixels:
            return
        if facts.burned_in == "YES":
            notes.doubt(Kind.PIXELS, "", _BURNED_IN)
        elif facts.burned_in != "NO" and (
            facts.modality in _TEXT_LIKELY or facts.sop_class.startswith(_CAPTURES)
        ):
            notes.doubt(Kind.PIXELS, "", _MAY_BE_BURNED_IN)


def _form_due(dataset: DataSet) -> Form | None:
    """Explicit VR for what has to be (PS3.5 A.4) and is not; else the form stays as it is."""
    fits = dataset.transfer_syntax in NATIVE or not dataset.form.implicit
    return None if fits else EXPLICIT_LITTLE


class _PixelCleaning:
    """Cleans the pixels of a written copy, in place (PS3.15 E.3.1)."""

    def __init__(self, source: Path, known: Known, profile: Profile) -> None:
        self._source, self._known, self._profile = source, known, profile
        self.cleaned: Cleaned | None = None

    def clean(self, copy: Path) -> bool:
        """Mask; whether the file may have changed."""
        from sharing.deid import pixels

        original = pixels.facts(self._source)
        settings = pixels.Settings.of(self._profile.pixels)
        self.cleaned = pixels.clean(copy, settings=settings, words=self._known, original=original)
        return True


class _Forgetting:
    """Leaves pixels alone, but for a comment inside of the compressed picture that tells a name."""

    cleaned = None

    def __init__(self, known: Known, notes: Notes) -> None:
        self._known, self._notes = known, notes

    def clean(self, copy: Path) -> bool:
        """Blank; whether the file has changed."""
        from sharing.deid import pixels

        count = pixels.forget(copy, self._known)
        if count:
            self._notes.doubt(Kind.PIXELS, "(7FE0,0010)", _COMMENTS)
        return bool(count)


def _masked(cleaned: "Cleaned | None") -> tuple[Entry, ...]:
    """Masks, for the ledger: how many for which reason."""
    reasons = Counter(box.reason for box in cleaned.boxes) if cleaned else {}
    return tuple(
        Entry("(7FE0,0010)", "PixelData", "C", reason, count) for reason, count in reasons.items()
    )


def _with_head(head: bytes, body: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    yield head
    yield from body


@contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    """Open a source and look at what has to be known first; refusals come as ours."""
    try:
        with path.open("rb", buffering=0) as file:
            window = Window(file, os.fstat(file.fileno()).st_size)
            opening = open_file(window)
            if as_uid(opening.meta.get(META_CLASS, b"")) == MEDIA_DIRECTORY:
                raise DeidError("This is the index of a disc. It names patients, and is made anew.")
            dataset = open_dataset(file, opening, window)
            facts, begun = facts_of(opening, dataset)
            if not facts.sop_class and not facts.instance:
                raise DeidError("This file does not say what it is.")
            yield _Opened(path, window, opening, dataset, facts, begun)
    except RefusedError as error:
        raise DeidError(error.detail) from None

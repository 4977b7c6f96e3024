"""The independent verifier of de-identification (DICOM PS3.15 Annex E).

It holds originals against what a de-identifier made of them, and says each rule that does not
hold. It shares no code with the engine, nor with anything else of this project: pydicom reads the
files, the tables of the standard say the rules, the rest is written here. A mistake of the engine
is therefore not repeated by who looks for it.

    from sharing.deid import verify

    report = verify.compare(originals, outputs, options={"clean_descriptors"})
    found = verify.outputs(outputs, options=set())        # without the originals

Nothing here writes, and nothing repeats a patient's data unless `show_values` asks for it.
"""

from sharing.deid.verify.comparing import compare, outputs
from sharing.deid.verify.report import CATEGORIES, Report, Violation
from sharing.deid.verify.table import CODES, OPTIONS

__all__ = ["CATEGORIES", "CODES", "OPTIONS", "Report", "Violation", "compare", "outputs"]

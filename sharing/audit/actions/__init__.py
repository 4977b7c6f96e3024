"""Write down what happens. The only way in: rows are never changed."""

from sharing.audit.actions.recording import AnyActor, Asking, patient_reference, record
from sharing.audit.actions.viewing import Viewings, viewings

__all__ = ["AnyActor", "Asking", "Viewings", "patient_reference", "record", "viewings"]

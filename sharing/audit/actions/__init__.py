"""Write down what happens. The only way in: rows are never changed."""

from sharing.audit.actions.recording import AnyActor, Asking, by_itself, patient_reference, record
from sharing.audit.actions.viewing import Viewings, viewings

__all__ = ["AnyActor", "Asking", "Viewings", "by_itself", "patient_reference", "record", "viewings"]

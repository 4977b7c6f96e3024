"""Studies of invented patients with their identities planted everywhere, and the ground truth.

`make(folder)` writes the files and answers the `Truth`; `score` says of outputs, per category, how
much of what was planted is gone and how much of what should stay has stayed.
"""

from tests.deid.phi.making import make
from tests.deid.phi.people import PEOPLE, Person
from tests.deid.phi.scoring import Score, score, table
from tests.deid.phi.truth import Keep, Plant, Truth

__all__ = ["PEOPLE", "Keep", "Person", "Plant", "Score", "Truth", "make", "score", "table"]

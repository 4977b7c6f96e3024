"""Projects with their vaults, profiles, releases and what is in them."""

from sharing.research.models.projects import (
    ProfileVersion,
    Project,
    Pseudonym,
    Vault,
    Withdrawal,
)
from sharing.research.models.releases import Certificate, Hold, Item, Release, ReleaseStudy

__all__ = [
    "Certificate",
    "Hold",
    "Item",
    "ProfileVersion",
    "Project",
    "Pseudonym",
    "Release",
    "ReleaseStudy",
    "Vault",
    "Withdrawal",
]

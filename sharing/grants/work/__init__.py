"""What time does to grants and offers, both sides' audit of them, and the mails about offers."""

from sharing.grants.work.clock import begin, tick
from sharing.grants.work.noting import note
from sharing.grants.work.offers import mail_offer, mail_request
from sharing.grants.work.reminders import mail_reminder

__all__ = ["begin", "mail_offer", "mail_reminder", "mail_request", "note", "tick"]

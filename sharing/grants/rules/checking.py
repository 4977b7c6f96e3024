"""Whether terms can stand."""

import datetime
import ipaddress

from sharing.grants.rules.states import LONGEST
from sharing.grants.rules.terms import ACTIONS, PURPOSES, Channel, Terms, Transform

Wrong = dict[str, list[str]]
LONGEST_TEXT = 20_000
MOST_A_DAY = 100_000
LONGEST_WINDOW = 36_500  # days
A_LITTLE = datetime.timedelta(minutes=10)  # between filling in a form and sending it


def problems(terms: Terms, *, now: datetime.datetime) -> Wrong:
    """What is wrong with terms, by field; nothing, if they can stand."""
    return {**_what(terms), **_when(terms, now), **_who(terms), **_filter(terms)}


def _what(terms: Terms) -> Wrong:
    wrong: Wrong = {}
    if not terms.actions or not set(terms.actions) <= ACTIONS.keys():
        wrong["actions"] = ["Choose at least one thing that the partner may do."]
    elif {"view", "download"} & set(terms.actions) and "search" not in terms.actions:
        wrong["actions"] = ["Whoever views or downloads must be able to find: allow that, too."]
    if terms.purpose not in PURPOSES:
        wrong["purpose"] = ["Choose what it is for."]
    if terms.transform not in Transform.values:
        wrong["transform"] = ["Studies can be given as they are."]
    if terms.studies_per_day is not None and not 1 <= terms.studies_per_day <= MOST_A_DAY:
        wrong["studies_per_day"] = [f"From 1 to {MOST_A_DAY:,} a day, or without a limit."]
    if len(terms.text) > LONGEST_TEXT:
        wrong["text"] = [f"At most {LONGEST_TEXT:,} characters."]
    return wrong


def _when(terms: Terms, now: datetime.datetime) -> Wrong:
    if terms.valid_until <= max(now, terms.valid_from):
        return {"valid_until": ["The last day is before the first, or over."]}
    if terms.valid_until - max(terms.valid_from, now - A_LITTLE) > LONGEST:
        return {"valid_until": ["An agreement lasts a year at most. It can be renewed."]}
    return {}


def _who(terms: Terms) -> Wrong:
    wrong: Wrong = {}
    if not terms.channels or not set(terms.channels) <= set(Channel.values):
        wrong["channels"] = ["Choose who may use it: people, programs, machines."]
    try:
        for one in terms.networks:
            ipaddress.ip_network(one)
    except ValueError as error:
        wrong["networks"] = [f"{error}."]
    return wrong


def _filter(terms: Terms) -> Wrong:
    found, wrong = terms.filter, {}
    if found.since and found.until and found.since > found.until:
        wrong["until"] = ["This is before the first study date."]
    if found.last_days is not None and not 1 <= found.last_days <= LONGEST_WINDOW:
        wrong["last_days"] = ["Give a number of days."]
    if found.last_days is not None and (found.since or found.until):
        wrong["last_days"] = ["Give either dates or a number of days, not both."]
    return wrong

"""Handing over: coded facts of closed incidents become statistical records (sealing.md 7).

In three steps, each safe to repeat after a crash: commit fresh random ids into the sealed
incidents; withdraw and put records, in transactions of their own; clear the flags last. The audit
chain names the incidents of step one in order; step two withdraws in the order of the random ids
and puts shuffled, each in one go. So no record leads to an incident, no entry or log names one.
A record is put only while its incident names it, and an incident stops naming one before that is
withdrawn: so nothing withdrawn comes back, whoever is cut off where (decision 16).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session as DatabaseSession

from analytics import records
from analytics.records import Coded
from casework import audit, coding, flagged, incidents, objects, policy, reports, stored
from casework.basis import Basis, read_bases
from casework.models import HandOver, Incident
from casework.objects import Change
from casework.policy import IncidentState
from casework.sessions import Session
from reporting import clock
from reporting.database import db, transaction
from reporting.sealing import b64, random_id, unb64

# As many incidents lie open at one moment, beside the one that was looked at last.
_OPEN_AT_ONCE = 50
# The month this process last looked at an organisation's waiting records.
_MONTHS: dict[bytes, str] = {}
# Organisations whose closed incidents it has looked at since it began, or since it last failed.
_LOOKED: set[bytes] = set()
# Withdrawals that failed since it began. Counted, for another thread may be looking meanwhile.
_FAILED: Counter[bytes] = Counter()


@dataclass(frozen=True)
class _Plan:
    """What is to be done for one incident, already committed inside it."""

    incident_id: bytes
    revision: int
    withdrawn: tuple[bytes, ...]
    record: tuple[bytes, Coded] | None


def waiting(session: Session) -> int:
    """How many incidents wait to be handed over."""
    return flagged.count(session, IncidentState.CLOSED)


def hand_over_if_due(session: Session) -> int:
    """Hand over when ten wait, or at a month's first sign-in."""
    month = clock.today().strftime("%Y-%m")
    last = db.session().get(HandOver, session.organisation_id)
    new_month = last is None or last.month != month
    done = 0
    if policy.is_batch(waiting(session), new_month=new_month, asked=False):
        done = _hand_over(session)
    if new_month:
        with transaction() as database:
            _remember(database, session.organisation_id or b"", month)
    _MONTHS[session.organisation_id or b""] = month
    return done


def hand_over_monthly(session: Session) -> int:
    """At a month's first request; costs nothing once this process knows that it was done."""
    if _MONTHS.get(session.organisation_id or b"") == clock.today().strftime("%Y-%m"):
        return 0
    return hand_over_if_due(session)


def hand_over(session: Session) -> int:
    """Hand over at a supervisor's word; returns how many incidents were handed over."""
    policy.check_hand_over(reports.actor(session))
    return _hand_over(session)


def correct(session: Session, incident_ids: list[bytes]) -> None:
    """At once withdraw the records of incidents for which nobody agrees to statistics any more."""
    try:
        plans = _prepare(session, incident_ids, only_withdraw=True)
        _apply(session, plans)
        _finish(session, plans)
    except BaseException:
        # The next request looks, and so does whoever began to look before this failed.
        _FAILED[session.organisation_id or b""] += 1
        _LOOKED.discard(session.organisation_id or b"")
        raise


def correct_open(session: Session) -> None:
    """`correct` reopened incidents after whoever died before or in it. Cheap when none waits.

    A hand-over takes closed ones only: they would stay counted until somebody closed them.
    """
    for ids in flagged.batches(session, IncidentState.OPEN, IncidentState.CODED):
        correct(session, ids)


def correct_closed(session: Session) -> None:
    """The same of closed ones, once in a process's life: whoever was killed has a successor.

    Their flag alone says nothing, for most wait to be handed over. What nobody disagrees to goes on
    waiting: a record that is put or withdrawn alone would show whose it is.
    """
    organisation = session.organisation_id or b""
    if organisation in _LOOKED:
        return
    failed = _FAILED[organisation]
    for ids in flagged.batches(session, IncidentState.CLOSED):
        bases = _bases(db.session(), session, ids)
        if left := [one.incident.id for one in bases if one.agreed is False]:
            correct(session, left)
    _LOOKED.add(organisation)
    # Looked at only now: a failure counts first, so that none falls in between.
    if _FAILED[organisation] != failed:
        _LOOKED.discard(organisation)


def withdraw_all(session: Session, incident_id: bytes) -> None:
    """Withdraw every record an incident ever named: it is erased and about to be deleted.

    Raises `ActionRefused("cannot-open")` when nothing tells which: keys, or the item is altered.
    """
    with transaction() as database:
        incident = database.get(Incident, incident_id, populate_existing=True)
        if incident is None:
            return
        # Without its id the record would stay counted and nothing would lead to it any more.
        named = objects.read_record(database, session.keyring, incident).value
    records.withdraw_many(unb64(one) for one in filter(None, [named["id"], *named["old"]]))


def _hand_over(session: Session) -> int:
    done = 0
    for ids in flagged.batches(session, IncidentState.CLOSED):
        plans = _prepare(session, ids, only_withdraw=False)
        _apply(session, plans)
        done += _finish(session, plans)
    return done


def _prepare(session: Session, ids: list[bytes], *, only_withdraw: bool) -> list[_Plan]:
    """Step one: commit the new random ids into the incidents."""
    plans = []
    with transaction() as database:
        audit.lock(database, session.organisation_id or b"")
        for some in stored.slices(ids, _OPEN_AT_ONCE):
            plans += _plan_some(database, session, some, only_withdraw=only_withdraw)
    return plans


def _plan_some(
    database: DatabaseSession, session: Session, ids: Sequence[bytes], *, only_withdraw: bool
) -> list[_Plan]:
    opened = _opened(database, session, ids)
    planned = [_plan(basis, only_withdraw=only_withdraw) for basis in opened]
    _rewrite(database, session, [change for _plan, change in planned if change])
    return [plan for plan, _change in planned if plan]


def _bases(database: DatabaseSession, session: Session, ids: list[bytes]) -> Iterator[Basis]:
    """In this order. Whose keys or record do not open, or which is gone, is left out: it waits."""
    for some in stored.slices(ids, _OPEN_AT_ONCE):
        # In a frame of its own, which lets go of these before the next ones are opened.
        yield from _opened(database, session, some)


def _opened(database: DatabaseSession, session: Session, ids: Sequence[bytes]) -> Iterator[Basis]:
    found = read_bases(database, session, incidents.find_all(database, session, ids))
    yield from (found[one] for one in ids if one in found)


def _plan(basis: Basis, *, only_withdraw: bool) -> tuple[_Plan | None, Change | None]:
    """What is to be done for an incident, and what its record item is to say before."""
    wanted = _wanted(basis)
    if wanted is None:
        return None, None
    value, record = wanted
    if only_withdraw and not (value["old"] and not value["id"]):
        if basis.incident.state != IncidentState.CLOSED:
            # Nothing to withdraw, and nothing is put before it is closed: then it waits anew.
            basis.incident.waits = False
        return None, None
    change = _change(basis, value) if value != basis.record.value else None
    revision = change.revision if change else basis.record.revision
    # Until the last step is done it waits, whatever happens to this process.
    basis.incident.waits = True
    withdrawn = tuple(unb64(one) for one in value["old"])
    return _Plan(basis.incident.id, revision, withdrawn, record), change


def _change(basis: Basis, value: dict[str, Any]) -> Change:
    known = basis.record
    return Change(basis.incident, basis.key, known.kind, value, known.item_id, known.last + 1)


def _rewrite(database: DatabaseSession, session: Session, changes: Sequence[Change]) -> None:
    """New revisions of items that name records, and no earlier ones."""
    if changes:
        objects.write_items(database, session.member_id, changes)
        objects.forget_older(database, changes)


def _wanted(basis: Basis) -> tuple[dict[str, Any], tuple[bytes, Coded] | None] | None:
    """What the record item should say, and the record to put; nothing if damage hides it.

    To withdraw what nobody agrees to any more, no other item needs to be whole; nor to finish
    withdrawing once an incident names no record any more.
    Re-coding is withdrawal plus a new record under a new id: one id with other codes would show
    to whoever compares copies of the table what was recoded into what (disclosure.md 4.9).
    """
    known, incident = basis.record.value, basis.incident
    old = [*known["old"], *filter(None, [known["id"]])]
    closed = incident.state == IncidentState.CLOSED
    counts = basis.countable if closed else bool(known["id"]) and basis.agreed
    if counts is False:
        return {"id": "", "coded": None, "old": old}, None
    if counts and not closed:
        return known, None
    if counts is None or basis.coding is None:
        return (known, None) if known["old"] and not known["id"] else None
    received = min(thread.first.day for thread in basis.threads)
    coded = basis.coding.coded(incident.organisation_id, received)
    facts = coding.coded_json(coded)
    if known["id"] and known["coded"] == facts:
        return known, (unb64(known["id"]), coded)
    fresh = random_id()
    return {"id": b64(fresh), "coded": facts, "old": old}, (fresh, coded)


def _apply(session: Session, plans: list[_Plan]) -> None:
    """Step two: the records, in transactions of their own. Each act is safe to repeat."""
    db.session().rollback()
    records.withdraw_many(one for plan in plans for one in plan.withdrawn)
    batch = [plan.record for plan in plans if plan.record is not None]
    if batch:
        records.put_many(batch, lambda database: _named(database, session, plans))


def _named(database: DatabaseSession, session: Session, plans: list[_Plan]) -> set[bytes]:
    """The records that their incidents still name, and go on naming while this transaction lasts.

    Withdrawn by a colleague since step one and put now, a record would count for ever: nothing
    would lead to it. Reads only, so that nothing ties these records to their incidents.
    """
    audit.lock(database, session.organisation_id or b"")
    ids = [plan.incident_id for plan in plans if plan.record is not None]
    named: set[bytes] = set()
    for some in stored.slices(ids, _OPEN_AT_ONCE):
        found = incidents.find_all(database, session, some)
        items = objects.read_records(database, session.keyring, found)
        named |= {unb64(one.value["id"]) for one in items}
    return named


def _finish(session: Session, plans: list[_Plan]) -> int:
    """Step three: clear the flags of what nobody has changed since step one."""
    done = 0
    if not plans:
        return 0
    with transaction() as database:
        organisation, me = session.organisation_id or b"", session.member_id
        audit.lock(database, organisation)
        planned = {plan.incident_id: plan for plan in plans}
        for basis in _bases(database, session, list(planned)):
            plan = planned[basis.incident.id]
            if basis.record.revision == plan.revision:
                done += _clear(database, session, basis, plan)
        if done:
            audit.write(database, organisation, me, "hand_over", None, {"count": done})
    return done


def _clear(database: DatabaseSession, session: Session, basis: Basis, plan: _Plan) -> bool:
    """Forget withdrawn ids, and clear the flag unless somebody changed something meanwhile."""
    if plan.withdrawn:
        value = {**basis.record.value, "old": []}
        _rewrite(database, session, [_change(basis, value)])
        basis = replace(basis, record=replace(basis.record, value=value))
    wanted = _wanted(basis)
    basis.incident.waits = wanted is None or wanted[0] != basis.record.value
    return not basis.incident.waits


def _remember(database: DatabaseSession, organisation_id: bytes, month: str) -> None:
    row = database.get(HandOver, organisation_id, populate_existing=True)
    if row is None:
        audit.lock(database, organisation_id)
        row = database.get(HandOver, organisation_id, populate_existing=True)
    if row is None:
        database.add(HandOver(organisation_id=organisation_id, month=month))
    else:
        row.month = month

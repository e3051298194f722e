"""Content keys of reports: boxed under a casework epoch or an incident's key, and opened again.

A report in no incident is opened by whoever holds the epoch, a linked one only by who opens its
incident. Which of the two it is stands in the report's row (sealing.md 6).
"""

from casework.keys import Keyring
from reporting.models import Report
from reporting.sealing import SealingRefused, box, u32, unbox

# Id and key of the incident that a report is linked to.
IncidentKey = tuple[bytes, bytes]


def content_key(keyring: Keyring, report: Report, linked: IncidentKey | None) -> bytes:
    """The key of a report, linked to an incident if to any. Raises `SealingRefused`."""
    if report.boxed_key is None:
        raise SealingRefused("key")
    if report.boxed_epoch is not None:
        epoch = report.boxed_epoch
        if epoch not in keyring.casework:
            raise SealingRefused("key")
        context = report.report_id + u32(epoch)
        return unbox(keyring.casework[epoch], "report-key", context, report.boxed_key)
    if linked is None:
        raise SealingRefused("key")
    return unbox(linked[1], "report-key", linked[0] + report.report_id, report.boxed_key)


def box_for_epoch(keyring: Keyring, report_id: bytes, key: bytes) -> tuple[bytes, int]:
    """A content key boxed under the newest casework epoch; returns box and epoch."""
    epoch = keyring.newest_epoch()
    return box(keyring.casework[epoch], "report-key", report_id + u32(epoch), key), epoch


def box_for_incident(linked: IncidentKey, report_id: bytes, key: bytes) -> bytes:
    """A content key boxed under the key of an incident."""
    return box(linked[1], "report-key", linked[0] + report_id, key)

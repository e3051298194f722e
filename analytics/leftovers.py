"""What a kill left in the folder of releases, deleted at night.

Never a file of a release that stands, nor of one the database does not know.
"""

from sqlalchemy import select

from analytics import deployment, files, release
from analytics.models import Release
from reporting.database import transaction
from reporting.sealing import b64


def sweep() -> int:
    """Delete half-written folders, and files of drafts that were rejected just before a kill.

    A build writes while it holds the lock, so what is half written under it is nobody's. A folder
    that the database does not know stays: beside an older database it may hold a published release.
    """
    root = deployment.releases_dir()
    with transaction() as session:
        release.lock(session)
        rejected = session.scalars(select(Release.id).where(Release.state == release.REJECTED))
        left = [*root.glob(".*.*"), *(root / b64(one) for one in rejected)]
        found = [folder for folder in left if folder.is_dir()]
        for folder in found:
            files.discard(folder)
    return len(found)

"""The recovery kit and the roster.

Every planted thing has a twin beside it in which all is in order and the same thing works.
"""

from typing import Any

import pytest
from flask import Flask

from casework import (
    keys,
    kits,
    organisations,
    recovery,
)
from casework.models import Grant
from casework.policy import ActionRefused
from reporting.database import transaction
from reporting.sealing import b64, public_of, random_key, seal
from tests.casework.hands import Hands
from tests.casework.people import Organisation, enter
from tests.casework.planted import forge, newest


class TestKit:
    """The recovery kit and the roster."""

    def add(self) -> tuple[Organisation, bytes]:
        added = organisations.add("kit", "Kit", "Sana Said")
        seed = kits.read(kits.words_of(added.kit.texts[0]))
        return Organisation(added.organisation_id, "kit", added.supervisor), seed

    def test_using_it_names_the_new_supervisor_and_kit(self, app: Flask, hands: Hands) -> None:
        place, seed = self.add()
        enter(place.supervisor)
        done = recovery.recover(place.id, seed, "Rana")
        now, pin = newest(place)
        assert pin.number == 2
        assert public_of(kits.read(kits.words_of(done.kit.texts[0]))) == now.recovery
        assert now.members[done.supervisor.member_id].role == "supervisor"
        hands.forward(minutes=1)
        for new in (place.supervisor, done.supervisor):
            enter(new)

    def test_a_roster_exchanged_for_the_holder_of_another_kit_opens_nothing(
        self, app: Flask
    ) -> None:
        place, seed = self.add()
        own = random_key()

        def exchange(said: dict[str, Any]) -> None:
            said["recovery"] = b64(public_of(own))

        forge(place, exchange, random_key())
        with pytest.raises(ActionRefused, match="kit-changed"):
            recovery.recover(place.id, own, "Rana")
        with pytest.raises(ActionRefused, match="kit-other"):
            recovery.recover(place.id, seed, "Rana")

    @pytest.mark.parametrize("kind", [keys.CASEWORK, keys.INTAKE])
    def test_a_key_planted_for_the_kit_is_not_handed_on(self, app: Flask, kind: str) -> None:
        place, seed = self.add()
        own = random_key()
        granted = keys.id_of(kind, own)
        epoch = 2 if kind == keys.CASEWORK else None
        with transaction() as session:
            sealed = seal(public_of(seed), "grant", granted + place.id, own)
            row = Grant(holder_id=place.id, key_id=granted, organisation_id=place.id,
                        kind=kind, epoch=epoch, sealed=sealed)  # fmt: skip
            session.add(row)
        with pytest.raises(ActionRefused, match="kit-changed"):
            recovery.recover(place.id, seed, "Rana")

    def test_a_forged_roster_makes_no_supervisor(self, app: Flask) -> None:
        place, seed = self.add()
        forge(place, lambda said: said["members"].clear(), random_key())
        with pytest.raises(ActionRefused, match="kit-changed"):
            recovery.recover(place.id, seed, "Rana")

import copy
import dataclasses
import json
import pickle
import stat
import uuid

import pytest

from elonara import sealing
from elonara.keyfiles import KeyFileFault
from elonara.sealing import CannotUnseal, KeyMissing, Sealed, seal, unseal

ROW = uuid.UUID("11111111-2222-3333-4444-555555555555")
PLACE = {"column": "dpop_key_enc", "row": ROW, "did": "did:plc:alice"}


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path)
    sealing.ensure_keys(tmp_path)
    return tmp_path


def test_a_value_is_unsealed_with_the_column_row_and_did_it_was_sealed_for():
    assert unseal(seal("käse", **PLACE), **PLACE).reveal() == "käse"


def test_the_row_may_be_given_as_text():
    assert unseal(seal("x", **PLACE), **{**PLACE, "row": str(ROW)}).reveal() == "x"


def test_an_empty_value_can_be_sealed():
    assert unseal(seal("", **PLACE), **PLACE).reveal() == ""


def test_the_same_value_is_never_sealed_the_same_way_twice():
    assert seal("token", **PLACE) != seal("token", **PLACE)


def test_the_sealed_value_does_not_contain_the_plaintext():
    assert "token" not in seal("token", **PLACE)


@pytest.mark.promise("sealed")
@pytest.mark.parametrize(
    "elsewhere",
    [{"column": "bsky_access_token_enc"}, {"row": uuid.uuid4()}, {"did": "did:plc:mallory"}, {"did": ""}],
    ids=["column", "row", "did", "no did"],
)
def test_a_value_moved_to_another_place_cannot_be_unsealed(elsewhere):
    with pytest.raises(CannotUnseal):
        unseal(seal("token", **PLACE), **{**PLACE, **elsewhere})


def test_the_parts_of_the_associated_data_are_kept_apart():
    sealed = seal("token", column="ab", row="c", did="d")
    with pytest.raises(CannotUnseal):
        unseal(sealed, column="a", row="bc", did="d")


@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_a_changed_part_is_detected(part):
    parts = seal("token", **PLACE).split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    with pytest.raises(CannotUnseal):
        unseal(".".join(parts), **PLACE)


@pytest.mark.parametrize("junk", ["", "token", "v1.a.b", "v1....", "v1.k.!!.??"])
def test_what_is_not_a_sealed_value_is_refused(junk):
    with pytest.raises(CannotUnseal):
        unseal(junk, **PLACE)


def test_the_exception_contains_neither_value_nor_key(data_dir):
    sealed = seal("hunter2-hunter2", **PLACE)
    with pytest.raises(CannotUnseal) as caught:
        unseal(sealed, **{**PLACE, "row": uuid.uuid4()})
    assert sealed.split(".")[3] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "hunter2" not in repr(caught.value)


class TestSealed:
    secret = Sealed("hunter2")

    def test_it_prints_as_sealed_everywhere(self):
        shown = [repr(self.secret), str(self.secret), f"{self.secret}", f"{self.secret:>10}", f"{[self.secret]}"]
        assert not any("hunter2" in text for text in shown)
        assert repr(self.secret) == "<sealed>"

    def test_it_is_never_pickled(self):
        with pytest.raises(TypeError):
            pickle.dumps(self.secret)
        with pytest.raises(TypeError):
            copy.deepcopy(self.secret)

    def test_it_has_no_dict_that_a_debugger_page_would_print(self):
        assert not hasattr(self.secret, "__dict__")

    def test_it_compares_by_value_and_is_false_when_empty(self):
        assert self.secret == Sealed("hunter2") != Sealed("other")
        assert not Sealed("")


class TestTheKeyRing:
    def test_it_is_private(self, data_dir):
        path = data_dir / "keys" / "sealing.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [entry.name for entry in path.parent.iterdir()] == ["sealing.json"]

    def test_use_never_generates_one(self, data_dir):
        sealed = seal("x", **PLACE)
        (data_dir / "keys" / "sealing.json").unlink()
        with pytest.raises(KeyFileFault, match="backup of the keys"):
            seal("x", **PLACE)
        with pytest.raises(KeyMissing) as missing:
            unseal(sealed, **PLACE)
        assert missing.value.kid == sealing.kid_of(sealed)
        with pytest.raises(KeyFileFault):
            sealing.rotate()
        assert not (data_dir / "keys" / "sealing.json").exists()

    def test_a_second_start_keeps_it(self, data_dir):
        sealed = seal("x", **PLACE)
        sealing.ensure_keys(data_dir)
        sealing._cache.clear()
        assert unseal(sealed, **PLACE).reveal() == "x"

    def test_another_ring_unseals_nothing(self, settings, tmp_path):
        sealed = seal("x", **PLACE)
        settings.ELONARA = dataclasses.replace(settings.ELONARA, data_dir=tmp_path / "other")
        with pytest.raises(CannotUnseal, match="restore the keys"):
            unseal(sealed, **PLACE)

    def test_after_a_rotation_new_values_use_the_new_key_and_old_ones_stay_readable(self):
        old = seal("old", **PLACE)
        kid = sealing.rotate()
        new = seal("new", **PLACE)
        assert sealing.kid_of(new) == kid == sealing.current_kid() != sealing.kid_of(old)
        assert unseal(old, **PLACE).reveal() == "old"
        assert unseal(new, **PLACE).reveal() == "new"

    def test_a_value_cannot_be_relabelled_with_another_key(self):
        old = seal("old", **PLACE)
        kid = sealing.rotate()
        version, _, nonce, ciphertext = old.split(".")
        with pytest.raises(CannotUnseal):
            unseal(f"{version}.{kid}.{nonce}.{ciphertext}", **PLACE)

    def test_a_rotation_by_another_process_is_seen(self, data_dir):
        seal("x", **PLACE)
        path = data_dir / "keys" / "sealing.json"
        tree = sealing._with_new_key(json.loads(path.read_text()))
        sealing.replace_private(path, json.dumps(tree))
        assert sealing.kid_of(seal("y", **PLACE)) == tree["current"]

    @pytest.mark.promise("keys-private")
    def test_one_that_others_can_read_is_refused(self, data_dir):
        sealing.ensure_keys(data_dir).chmod(0o640)
        with pytest.raises(KeyFileFault, match="chmod 600"):
            seal("x", **PLACE)

    @pytest.mark.parametrize(
        "text",
        ["", "[]", "{}", '{"keys": {"a": {"key": "c2hvcnQ"}}, "current": "a"}', '{"keys": {}, "current": "a"}'],
        ids=["empty", "a list", "no keys", "a short key", "no current key"],
    )
    def test_a_damaged_one_is_refused_and_the_message_says_what_to_do(self, data_dir, text):
        sealing.ensure_keys(data_dir).write_text(text)
        with pytest.raises(KeyFileFault):
            seal("x", **PLACE)

    def test_its_keys_are_not_printed(self, data_dir):
        seal("x", **PLACE)
        keys = json.loads((data_dir / "keys" / "sealing.json").read_text())["keys"]
        shown = repr(sealing._ring())
        assert not any(entry["key"] in shown for entry in keys.values())

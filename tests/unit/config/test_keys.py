import stat
import threading

import pytest

from elonara.config.keys import secret_key
from elonara.config.options import BadSetting


def test_the_key_is_generated_once_and_private(tmp_path):
    key = secret_key(tmp_path)
    assert len(key) >= 50
    assert secret_key(tmp_path) == key
    path = tmp_path / "keys" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in repr(path)


def test_processes_that_start_at_once_agree(tmp_path):
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(secret_key(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


@pytest.mark.promise("keys-private")
def test_a_key_that_others_can_read_stops_the_start(tmp_path):
    secret_key(tmp_path)
    (tmp_path / "keys" / "secret_key").chmod(0o644)
    with pytest.raises(BadSetting, match="chmod 600"):
        secret_key(tmp_path)


def test_an_emptied_key_stops_the_start(tmp_path):
    secret_key(tmp_path)
    (tmp_path / "keys" / "secret_key").write_text("")
    with pytest.raises(BadSetting, match="backup"):
        secret_key(tmp_path)


def test_a_data_folder_that_is_a_file_stops_the_start(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(BadSetting):
        secret_key(tmp_path / "data")

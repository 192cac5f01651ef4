"""A server that knows no app passwords opens the whole account with one: nobody is accused of her main password."""

import pytest

from elonara.bluesky.app_password.refusals import (
    KNOWS_NO_APP_PASSWORDS,
    NOT_THE_MAIN_ONE,
    full_access_in_words,
)


@pytest.mark.parametrize("password", ["abcd-efgh-ijkl-mnop", "2a3b-zzzz-7777-q6wx"])
def test_an_app_password_is_not_called_the_main_one(password: str) -> None:
    assert full_access_in_words(password) == KNOWS_NO_APP_PASSWORDS


@pytest.mark.parametrize("password", ["correct horse", "abcd-efgh-ijkl", "ABCD-efgh-ijkl-mnop", "abcd-efgh-ijkl-mnop1"])
def test_any_other_password_is_called_the_main_one(password: str) -> None:
    assert full_access_in_words(password) == NOT_THE_MAIN_ONE

"""What is taken as a new password."""

import pytest

from app import passwords


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password!2026",
        "passwordpassword",
        "qwerty-123456",
        "Admin-Admin-12",
        "123456789012",
        "098765432109",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert "more than a common word" in str(passwords.fault(password))


@pytest.mark.parametrize(
    "password",
    [
        "correct horse staple",
        "my password is blue 7",
        "839205716604",
        "пароль пароль да",
        "日本語パスワードは長い言葉",
        "admin" * 200 + "x",
    ],
)
def test_what_a_person_thought_of_is_taken(password: str) -> None:
    assert passwords.fault(password) is None

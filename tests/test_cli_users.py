from flask import Flask

from app.domain.people import Role
from app.services import people
from tests.web.pages import PASSWORD


def test_a_user_is_added_with_a_password_from_standard_input(app: Flask) -> None:
    result = app.test_cli_runner().invoke(
        args=["users", "add", "Ann@Example.com", "--role", "owner"],
        input=f"{PASSWORD}\n",
    )
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    found = people.with_password("ann@example.com", PASSWORD)
    assert found
    assert found.role is Role.OWNER


def _refused(app: Flask, email: str, role: str, password: str) -> str:
    result = app.test_cli_runner().invoke(
        args=["users", "add", email, "--role", role], input=f"{password}\n"
    )
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    return result.output


def test_what_does_not_fit_is_said_in_a_sentence(app: Flask) -> None:
    assert "choose owner, staff, viewer" in _refused(app, "a@b.cd", "king", PASSWORD)
    assert "at least 12" in _refused(app, "a@b.cd", "owner", "short")
    assert "at least 12" in _refused(app, "a@b.cd", "owner", "")
    assert "Give an e-mail address" in _refused(app, "nobody", "owner", PASSWORD)
    assert people.members() == []


def test_nobody_is_added_twice(app: Flask) -> None:
    args = ["users", "add", "a@b.cd", "--role", "viewer"]
    app.test_cli_runner().invoke(args=args, input=f"{PASSWORD}\n")
    assert "already on the team" in _refused(app, "A@B.cd", "owner", PASSWORD)
    assert [user.role for user in people.members()] == [Role.VIEWER]


def test_the_link_for_the_first_owner_can_be_printed_again(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    result = run(args=["users", "link"])
    assert "/setup/" in result.output
    run(args=["users", "add", "a@b.cd", "--role", "owner"], input=f"{PASSWORD}\n")
    result = run(args=["users", "link"])
    assert result.exit_code == 1
    assert "can sign in already" in result.output

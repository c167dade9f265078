"""One API call from its bytes to its answer: key, idempotency, parameters, permission,
work, expansion; and the troubles that a test has asked for."""

import json
import logging
import time
from dataclasses import dataclass
from urllib.parse import unquote

from app.sandbox import idempotency
from app.sandbox.accounts import Account
from app.sandbox.calls import Call, demand_honoured
from app.sandbox.errors import ApiError, Obj, invalid, unauthorized
from app.sandbox.events import API_VERSION
from app.sandbox.expand import demand_depth, expanded
from app.sandbox.faults import Fault, take_fault
from app.sandbox.forms import parse_form
from app.sandbox.http import Answer, Dropped, Request
from app.sandbox.params import checked
from app.sandbox.permissions import ApiKey, demand, no_access, no_connect_permissions
from app.sandbox.routes import Route, route_for
from app.sandbox.world import Made, World

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Begun:
    """A call whose caller is known and whose idempotency key, if any, is taken."""

    route: Route
    call: Call
    request: Request
    request_id: str
    stored_as: idempotency.Name | None


def answer_api(world: World, request: Request) -> Answer:
    """Answer one call to /v1."""
    with world.lock:
        fault = take_fault(world, request.method, request.path)
        request_id = world.ids.new("req", length=14)
    if fault and fault.when == "before" and fault.do != "delay":
        return _faulty(world, request, request_id, fault)
    try:
        with world.lock:
            begun = _begin(world, request, request_id)
        if isinstance(begun, Answer):
            return begun
        if fault and fault.do == "delay":
            time.sleep(fault.seconds)
        with world.lock:
            answer = _run(world, begun, fault)
    except ApiError as error:
        answer = _error_answer(error, request_id)
        _note(world, request, answer, account_id="", path=request.path)
    if fault and fault.when == "after" and fault.do == "drop":
        raise Dropped
    return answer


def _faulty(world: World, request: Request, request_id: str, fault: Fault) -> Answer:
    answer = fault.answer()
    _note(world, request, answer, account_id="", path=request.path)
    if fault.do == "drop":
        raise Dropped
    return Answer(
        answer.status, answer.body, {"Request-Id": request_id, **answer.headers}
    )


def _begin(world: World, request: Request, request_id: str) -> Begun | Answer:
    key = world.keyring.find(_secret_of(request))
    account = _account_meant(world, request, key)
    asked = request.headers.get("stripe-version", API_VERSION)
    if asked != API_VERSION:
        raise invalid(f"The sandbox speaks only version {API_VERSION}.", began=False)
    found = route_for(request.method, request.path)
    if found is None:
        raise invalid(
            f"Unrecognized request URL ({request.method}: {request.path}).",
            status=404,
            began=False,
        )
    route, ids = found
    call = Call(world, account, key, {}, [unquote(i) for i in ids], request.path)
    wanted = request.headers.get("idempotency-key")
    name = None
    if wanted and request.method == "POST":
        name = (account.id, key.livemode, wanted)
        fingerprint = idempotency.fingerprint_of("POST", request.path, request.body)
        replay = idempotency.claim(world, name, fingerprint, request_id)
        if replay is not None:
            _note(world, request, replay, account_id=account.id, path=route.path)
            return replay
    return Begun(route, call, request, request_id, name)


def _secret_of(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" and value:
        raise unauthorized("The sandbox reads keys by Bearer auth only.")
    return value.strip() or None


def _account_meant(world: World, request: Request, key: ApiKey) -> Account:
    """Return the key's own account or the connected one it acts for."""
    meant = request.headers.get("stripe-account")
    own = world.accounts[key.account]
    if meant in (None, "", own.id):
        return own
    if key.permissions is not None:
        raise no_connect_permissions(key)
    other = world.accounts.get(meant)
    if other is None or (own.id, key.livemode) not in other.granted:
        raise no_access(key, meant)
    return other


def _run(world: World, begun: Begun, fault: Fault | None) -> Answer:
    answer, began = _attempt(world, begun)
    if fault and fault.when == "after" and fault.do == "answer":
        answer = fault.answer()
    if begun.stored_as:
        if began:
            idempotency.keep(world, begun.stored_as, answer)
        else:
            idempotency.forget(world, begun.stored_as)
    account_id = begun.call.account.id
    _note(world, begun.request, answer, account_id=account_id, path=begun.route.path)
    return answer


def _attempt(world: World, begun: Begun) -> tuple[Answer, bool]:
    """Return the answer, and whether the call had begun to run."""
    made = Made(
        by="api",
        request_id=begun.request_id,
        idempotency_key=begun.request.headers.get("idempotency-key"),
        api_key=begun.call.key.masked,
    )
    try:
        with world.made_by(made):
            body = _work(begun)
    except ApiError as error:
        return _error_answer(error, begun.request_id), error.began
    except Exception:
        # A fault of the sandbox's own: tests must see it, callers get Stripe's 500.
        log.exception("%s %s failed", begun.request.method, begun.request.path)
        failed = ApiError(500, {"type": "api_error", "message": "The sandbox failed."})
        return _error_answer(failed, begun.request_id), True
    return _answer(200, body, begun.request_id, begun.request), True


def _work(begun: Begun) -> Obj:
    call, route, request = begun.call, begun.route, begun.request
    text = request.body.decode() if request.method == "POST" else request.query
    if request.method == "DELETE" and request.body:
        text = request.body.decode()
    call.params = checked(route.params, parse_form(text))
    demand_honoured(route.handler, call.params)
    demand(call.key, route.permission, account_id=call.account.id)
    paths = call.params.pop("expand", [])
    demand_depth(paths)
    return expanded(call, route.handler(call), paths)


def _answer(status: int, body: Obj, request_id: str, request: Request) -> Answer:
    headers = {
        "Content-Type": "application/json",
        "Request-Id": request_id,
        "Stripe-Version": API_VERSION,
    }
    for name in ("Idempotency-Key", "Stripe-Account"):
        if name.lower() in request.headers:
            headers[name] = request.headers[name.lower()]
    return Answer(status, json.dumps(body).encode(), headers)


def _error_answer(error: ApiError, request_id: str) -> Answer:
    headers = {"Content-Type": "application/json", "Request-Id": request_id}
    if error.status == 429:
        headers["Stripe-Rate-Limited-Reason"] = "global-rate"
    return Answer(error.status, json.dumps(error.body).encode(), headers)


def _note(
    world: World, request: Request, answer: Answer, *, account_id: str, path: str
) -> None:
    """Count the call and keep it in the log that tests read."""
    with world.lock:
        world.calls[(account_id, request.method, path)] += 1
        world.recent_calls.append(
            {
                "at": world.now,
                "account": account_id,
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "status": answer.status,
                "idempotency_key": request.headers.get("idempotency-key"),
                "stripe_account": request.headers.get("stripe-account"),
                "replayed": "Idempotent-Replayed" in answer.headers,
            }
        )

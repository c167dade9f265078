"""Webhook endpoints, events and billing portal sessions."""

from app.sandbox.calls import PAGING, Call, honours, merge_metadata
from app.sandbox.clock import DAY
from app.sandbox.customers import deleted_object
from app.sandbox.errors import Obj, bad_parameter, invalid
from app.sandbox.webhooks import demand_local


@honours("api_version", "connect", "description", "enabled_events", "metadata", "url")
def create_endpoint(call: Call) -> Obj:
    """Answer POST /v1/webhook_endpoints; only this answer holds the secret."""
    params = call.params
    demand_local(params["url"])
    endpoint = {
        "id": call.world.ids.new("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": call.now,
        "description": params.get("description"),
        "enabled_events": list(params["enabled_events"]),
        "livemode": call.book.livemode,
        "metadata": {},
        "status": "enabled",
        "url": params["url"],
    }
    merge_metadata(endpoint, params)
    if params.get("connect") and call.account.client_id:
        endpoint["application"] = call.account.client_id
    call.book.webhook_endpoints.add(endpoint)
    secret = f"whsec_{call.world.ids.text(32)}"
    call.book.notes(endpoint["id"]).update(
        secret=secret, connect=bool(params.get("connect"))
    )
    return {**endpoint, "secret": secret}


@honours("description", "disabled", "enabled_events", "metadata", "url")
def update_endpoint(call: Call) -> Obj:
    """Answer POST /v1/webhook_endpoints/{id}."""
    endpoint, params = call.the("webhook_endpoint"), call.params
    if "url" in params:
        demand_local(params["url"])
    for field in ("url", "description", "enabled_events"):
        if field in params:
            endpoint[field] = params[field]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    merge_metadata(endpoint, params)
    return endpoint


def delete_endpoint(call: Call) -> Obj:
    endpoint = call.the("webhook_endpoint")
    endpoint["status"] = "disabled"  # what is under way to it is not tried again
    call.book.webhook_endpoints.remove(endpoint["id"])
    return deleted_object(endpoint["id"], "webhook_endpoint")


@honours(*PAGING)
def list_endpoints(call: Call) -> Obj:
    return call.page("webhook_endpoint")


@honours("created", "delivery_success", "type", "types", *PAGING)
def list_events(call: Call) -> Obj:
    """Answer GET /v1/events: thirty days back, by `type` or up to twenty `types`."""
    params = call.params
    types = params.get("types", [params["type"]] if "type" in params else [])
    if len(types) > 20:
        raise bad_parameter("You may pass up to 20 types.", param="types")
    oldest = call.now - 30 * DAY
    wanted = params.get("delivery_success")

    def keep(event: Obj) -> bool:
        if event["created"] < oldest or (types and not _is_any(event, types)):
            return False
        return wanted is None or wanted == (event["pending_webhooks"] == 0)

    return call.page("event", keep=keep)


def _is_any(event: Obj, types: list[str]) -> bool:
    kind = event["type"]
    return any(
        kind == wanted or (wanted.endswith(".*") and kind.startswith(wanted[:-1]))
        for wanted in types
    )


def retrieve_event(call: Call) -> Obj:
    event = call.the("event")
    if event["created"] < call.now - 30 * DAY:
        raise invalid(
            f"No such event: '{event['id']}'",
            code="resource_missing",
            param="id",
            status=404,
        )
    return event


@honours("customer", "flow_data", "locale", "return_url")
def create_portal_session(call: Call) -> Obj:
    """Answer POST /v1/billing_portal/sessions."""
    customer = call.named("customer", "customer")
    if customer is None:
        raise invalid("Missing required param: customer.", param="customer")
    back = call.params.get("return_url")
    page = call.world.add_page(call.book, customer=customer["id"], return_url=back)
    return {
        "id": call.world.ids.new("bps"),
        "object": "billing_portal.session",
        "configuration": "bpc_1SandboxPortalConfiguration",
        "created": call.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": _flow(call.params.get("flow_data")),
        "livemode": call.book.livemode,
        "locale": call.params.get("locale"),
        "on_behalf_of": None,
        "return_url": back,
        "url": f"{call.world.base_url}/p/session/{page}",
    }


def _flow(wanted: Obj | None) -> Obj | None:
    if not wanted:
        return None
    after = wanted.get("after_completion", {})
    return {
        "after_completion": {
            "hosted_confirmation": None,
            "redirect": after.get("redirect"),
            "type": after.get("type", "portal_homepage"),
        },
        "subscription_cancel": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": wanted["type"],
    }

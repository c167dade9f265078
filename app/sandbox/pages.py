"""Two pages that Stripe hosts for customers: paying an invoice, replacing a card."""

import html
from urllib.parse import parse_qs

from app.sandbox.errors import ApiError, Obj
from app.sandbox.http import Answer, Request
from app.sandbox.people import new_card, pay_on_page
from app.sandbox.tables import Book
from app.sandbox.world import World

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title} (sandbox)</title>
<body style="font-family:sans-serif;max-width:32rem;margin:4rem auto">
<h1>{title}</h1><p>{text}</p><p>This page belongs to the sandbox; it is not Stripe's.
</p>{form}</body></html>"""
PAY = """<form method="post">
<button name="card" value="">Pay with the card on file</button>
<button name="card" value="pm_card_visa">Pay with a new card</button></form>"""
REPLACE = """<form method="post"><button name="card" value="pm_card_visa">Replace the
card by a new one</button></form>"""


def answer_page(world: World, request: Request) -> Answer:
    """Answer /i/{account}/{token} and /p/session/{token}."""
    token = request.path.rsplit("/", 1)[-1]
    with world.lock:
        found = world.pages.get(token)
        if found is None:
            return _page(404, "Not found", "There is no such page.")
        book = world.accounts[found["account"]].book(livemode=found["livemode"])
        if "invoice" in found:
            return _invoice_page(world, book, request, found["invoice"])
        return _portal_page(world, book, request, found)


def _invoice_page(
    world: World, book: Book, request: Request, invoice_id: str
) -> Answer:
    invoice = book.invoices.rows[invoice_id]
    said = ""
    if request.method == "POST":
        try:
            paid = pay_on_page(world, book, invoice_id, card=_card(request))["paid"]
            said = "" if paid else " Your card was declined."
        except ApiError as error:
            said = f" {error}"
    amount = f"{invoice['amount_due']} {invoice['currency']}"
    text = f"{invoice['number']}: {amount} (minor units), {invoice['status']}.{said}"
    form = PAY if invoice["status"] in ("open", "uncollectible") else ""
    return _page(200, "Invoice", html.escape(text), form)


def _portal_page(world: World, book: Book, request: Request, found: Obj) -> Answer:
    owner = book.customers.get(found["customer"])
    if owner is None:
        return _page(404, "Not found", "This customer is gone.")
    text = f"Cards of {html.escape(owner['name'] or owner['id'])}."
    if request.method == "POST":
        card = _card(request) or "pm_card_visa"
        new_card(world, book, owner["id"], card=card, everywhere=True)
        text = "Thank you, your new card is on file."
    if found["return_url"]:
        back = html.escape(found["return_url"], quote=True)
        text += f' <a href="{back}">Return</a>'
    return _page(200, "Your cards", text, REPLACE)


def _card(request: Request) -> str | None:
    form = parse_qs(request.body.decode())
    return form.get("card", [""])[0] or None


def _page(status: int, title: str, text: str, form: str = "") -> Answer:
    body = PAGE.format(title=title, text=text, form=form)
    return Answer(status, body.encode(), {"Content-Type": "text/html; charset=utf-8"})

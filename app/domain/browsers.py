"""What a browser calls itself, in words that its owner recognises."""

# In this order: each of the later ones also claims to be an earlier one's kin.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_of(user_agent: str) -> str:
    """`Firefox on Linux`; what says nothing known is shown as it came."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    known = " on ".join(part for part in (browser, system) if part)
    plain = user_agent if user_agent.isprintable() else ""
    return known or plain[:40] or "Unknown browser"


def _first(words: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for sign, name in words if sign in text), "")

"""The HTTP session below the SDK: one request, one answer, and nothing in between.

What requests does for browsers and scripts (cookies, redirects, .netrc, proxies looked
up anew) took 0.4 ms of the 0.9 ms that a call costs, and none of it may happen here: no
account's answer may colour another's call, and no key may follow a redirect.
"""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

POOL = 128  # connections kept open: more than there are threads that charge


class OneAnswer(requests.Session):
    """To be shared by every thread. Proxies come from the environment, once a host."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self._proxies: dict[str, dict[str, str]] = {}
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=POOL))

    def request(  # type: ignore[override]
        self, method: str, url: str, **given: Any
    ) -> requests.Response:
        """The answer to one request; a redirect is a fault, as are the library's own
        (`requests.RequestException`)."""
        prepared = requests.PreparedRequest()
        prepared.prepare_method(method)
        prepared.prepare_url(url, None)
        prepared.prepare_headers({**self.headers, **given["headers"]})
        prepared.prepare_body(given["data"], None)
        answer = self.get_adapter(url).send(
            prepared,
            timeout=given["timeout"],
            verify=given["verify"],
            proxies=self._proxies_to(url),
        )
        if answer.is_redirect:
            answer.close()
            raise requests.TooManyRedirects("Stripe never redirects", response=answer)
        return answer

    def _proxies_to(self, url: str) -> dict[str, str]:
        base = "/".join(url.split("/", 3)[:3])
        if base not in self._proxies:
            self._proxies[base] = get_environ_proxies(base)
        return self._proxies[base]

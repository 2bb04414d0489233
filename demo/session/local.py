"""Detection of requests from the person at this computer."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
FORWARDED = frozenset({"forwarded", "via", "x-real-ip", "cf-connecting-ip", "true-client-ip"})  # and all of x-forwarded-


def is_local(client: str | None, headers: Mapping[str, str], owner: bool) -> bool:
    """Returns whether a request comes from the person at this computer.

    A loopback address alone proves little: requests forwarded by a proxy or tunnel on this computer have one too, and some
    of these leave no trace in the headers. So the browser must also know a secret that only the terminal shows.

    Args:
        client: the address it comes from.
        headers: its headers, by lower-case name.
        owner: whether its browser has opened the address shown in the terminal.
    """
    try:
        loopback = ipaddress.ip_address(client or "").is_loopback
    except ValueError:
        return False
    passed_on = any(name in FORWARDED or name.startswith("x-forwarded-") for name in headers)
    return owner and loopback and not passed_on and host_name(headers.get("host", "")) in LOOPBACK


def host_name(host: str) -> str:
    """Returns a Host header without its port; an IPv6 address keeps its brackets."""
    return host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host

"""The addresses at which browsers reach this computer."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

import psutil

EVERYWHERE = ("0.0.0.0", "::")  # as hosts to listen on: every address of this computer


def is_loopback(host: str) -> bool:
    """Returns whether only this computer reaches a host to listen on."""
    address = _address(host)
    return address.is_loopback if address else host == "localhost"


def on_the_network(host: str) -> list[str]:
    """Returns the addresses to share, the likeliest first: those of this computer that others reach on its networks.

    Args:
        host: the address or name to listen on.
    """
    if is_loopback(host):
        return []
    if host not in EVERYWHERE:
        return [host]
    found = dict.fromkeys(_of_the_way_out())
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    families = (socket.AF_INET,) if host == "0.0.0.0" else (socket.AF_INET, socket.AF_INET6)
    for family in families:
        found |= {one.address: None for name in up for one in psutil.net_if_addrs().get(name, ()) if one.family == family}
    return [one for one in found if (address := _address(one)) and not (address.is_loopback or address.is_link_local)]


def names(host: str) -> frozenset[str]:
    """Returns the names and addresses, besides the loopback ones, that a browser may have asked for to get here.

    Args:
        host: the address or name to listen on.
    """
    if is_loopback(host):
        return frozenset()
    own = {host, socket.gethostname(), socket.getfqdn(), f"{socket.gethostname()}.local", *on_the_network(host)}
    with suppress(OSError):  # a name that nothing resolves
        own |= {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return frozenset(map(in_address, own))


def in_address(host: str) -> str:
    """Returns a host as an address of the web names it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _of_the_way_out() -> list[str]:
    """Returns the address that this computer uses towards other networks, if it is connected to one."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing, only selects the address
            return [probe.getsockname()[0]]
    except OSError:
        return []


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None

"""Which addresses are shared, and by which names this computer may be asked for."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from demo.server import addresses


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with a loopback, a wireless and a wired network, of which the wireless one leads out, and one that is down."""

    def of(*found: str) -> list[SimpleNamespace]:
        kinds = {True: socket.AF_INET6, False: socket.AF_INET}
        return [SimpleNamespace(family=kinds[":" in address], address=address) for address in found]

    held = {
        "lo": of("127.0.0.1", "::1"),
        "eth0": of("10.0.0.7", "fe80::1%eth0"),
        "wlan0": of("192.168.1.20", "2001:db8::20"),
        "eth1": of("172.16.0.5"),
        "odd": of("169.254.3.4"),
    }
    monkeypatch.setattr(addresses.psutil, "net_if_addrs", lambda: held)
    monkeypatch.setattr(addresses.psutil, "net_if_stats", lambda: {name: SimpleNamespace(isup=name != "eth1") for name in held})
    monkeypatch.setattr(addresses, "_of_the_way_out", lambda: ["192.168.1.20"])


@pytest.mark.parametrize(
    ("host", "shared"),
    [
        ("127.0.0.1", []),
        ("127.0.0.2", []),
        ("localhost", []),
        ("::1", []),
        ("0.0.0.0", ["192.168.1.20", "10.0.0.7"]),
        ("::", ["192.168.1.20", "10.0.0.7", "2001:db8::20"]),
        ("10.0.0.7", ["10.0.0.7"]),
        ("laptop.example", ["laptop.example"]),
    ],
)
def test_the_addresses_to_share_are_those_that_others_reach(networks: None, host: str, shared: list[str]) -> None:
    assert addresses.on_the_network(host) == shared


def test_every_shared_address_may_be_asked_for(networks: None) -> None:
    assert addresses.names("127.0.0.1") == addresses.names("localhost") == frozenset()
    assert {"192.168.1.20", "10.0.0.7", "[2001:db8::20]", socket.gethostname()} <= addresses.names("::")


def test_a_computer_on_no_network_has_nothing_to_share(networks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_of_the_way_out", list)
    monkeypatch.setattr(addresses.psutil, "net_if_stats", lambda: {"lo": SimpleNamespace(isup=True)})
    assert addresses.on_the_network("0.0.0.0") == []

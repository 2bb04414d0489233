"""What a first visit costs over the wire."""

from __future__ import annotations

from collections import Counter

MOST_BYTES = 1_000_000


def test_a_first_visit_takes_less_than_a_megabyte_and_is_compressed(browser, address: str) -> None:
    context = browser.new_context()
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        answers: dict[str, dict] = {}
        sizes: Counter[str] = Counter()
        session.on("Network.responseReceived", lambda event: answers.update({event["requestId"]: event}))
        session.on(
            "Network.loadingFinished",
            lambda event: (
                sizes.update({answers[event["requestId"]]["type"]: int(event["encodedDataLength"])})
                if event["requestId"] in answers
                else None
            ),
        )
        page.goto(address)
        page.wait_for_selector("#set-brief .size")
        page.wait_for_timeout(3000)  # what is loaded later
    finally:
        context.close()
    assert {"Document", "Script", "Stylesheet"} <= set(sizes)
    assert sum(sizes.values()) < MOST_BYTES, sizes
    for event in answers.values():
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        if event["type"] in ("Document", "Script", "Stylesheet") and int(headers.get("content-length", 0)) > 2000:
            assert headers.get("content-encoding") == "br", event["response"]["url"]

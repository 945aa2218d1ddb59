"""The way into the app: by any page's address, on a server that nobody has visited yet."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_first_visit_to_a_pages_own_address_has_notice_and_the_other_pages(
    browser: Any, fresh_address: str
):
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{fresh_address}/compare?from=lecture")
    page.get_by_test_id("stTopNavLink").filter(has_text="Review").first.wait_for()
    page.get_by_text("Not a medical device").wait_for()
    page.get_by_text("Why MobileNet").first.wait_for()
    assert page.url.endswith("/compare?from=lecture")
    assert not page.get_by_test_id("stSidebarNav").count()
    page.close()

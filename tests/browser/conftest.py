"""A reporter in Chromium: the instance that is served, its organisation, a fresh profile's page."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from tests.browser.reporter_pages import Served, context_of, served
from tests.factories_reporting import Opener, make_organisation


@pytest.fixture
def site(app: Flask) -> Iterator[Served]:
    with served(app) as found:
        yield found


@pytest.fixture
def north(app: Flask) -> Opener:
    return make_organisation()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = context_of(browser)
    yield context.new_page()
    context.close()

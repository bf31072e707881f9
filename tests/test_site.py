"""The documentation's site as a browser shows it: nothing complained of, every word dark enough, nothing out of the page."""
import pathlib

import pytest

import browser
import looks

ROOT = pathlib.Path(__file__).resolve().parents[1]
SITE = ROOT / "target" / "site"
# What a page keeps of the last visit (whether it was dark) is forgotten, and colours change at once.
FORGET = "try { localStorage.clear() } catch (error) {}"
AT_ONCE = "document.head.appendChild(document.createElement('style')).textContent = '* { transition: none !important }'"
COLOURS = {"light": "default", "dark": "slate"}
SCHEME = "document.body.getAttribute('data-md-color-scheme')"


@pytest.fixture(scope="module")
def window():
    if not browser.program():
        print("the site was not looked at: chromium is not installed")
        pytest.skip("chromium is not installed")
    if not (SITE / "index.html").is_file():
        pytest.skip("the site is not built: .venv-docs/bin/python docs/site/build")
    with browser.Browser() as shown:
        shown.call("Page.addScriptToEvaluateOnNewDocument", source=FORGET)
        shown.call("Network.setCacheDisabled", cacheDisabled=False)  # all pages have the same scripts and fonts
        yield shown


def test_every_page_of_the_site_can_be_read(window):
    pages = sorted(SITE.rglob("*.html"))
    assert len(pages) > 40
    told = []
    with browser.served(SITE) as (address, _):
        for page in pages:
            name = page.relative_to(SITE).as_posix()
            window.show(f"{address}/{name}", 1200)
            told += [f"{name}: {each}" for each in window.log]
            window.value(AT_ONCE)
            for width, scheme, media in looks.WINDOWS:
                window.view(width, scheme=scheme, media=media)
                window.value(f"document.body.setAttribute('data-md-color-scheme', '{COLOURS[scheme]}')")
                told += [f"{name}, {width} pixels, {scheme} {media}: {each}" for each in looks.complaints(window, width)]
    assert told == []


@pytest.mark.parametrize("scheme", COLOURS)
def test_a_page_is_dark_on_a_dark_screen(window, scheme):
    with browser.served(SITE) as (address, _):
        window.show("about:blank", 1200)
        window.show(f"{address}/index.html", 1200, scheme=scheme)
        assert window.value(SCHEME) == COLOURS[scheme]


def test_every_chart_of_the_documentation_can_be_read(window):
    """Charts are files of their own, which a page shows as pictures."""
    charts = sorted([*ROOT.glob("docs/images/*.svg"), *ROOT.glob("experiments/measured/*.svg")])
    assert charts
    told = []
    with browser.served(ROOT) as (address, _):
        for chart in charts:
            window.show(f"{address}/{chart.relative_to(ROOT).as_posix()}", 1200)
            told += [f"{chart.name}: {each}" for each in looks.complaints(window, 1200)]
    assert told == []

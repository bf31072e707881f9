"""The report as a browser shows it: nothing fetched, nothing complained of, every chart there and readable."""
import pathlib
import random
import subprocess

import pytest

import browser
import looks

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "target" / "release" / "tautnet"
CHARTS = ["attack", "bounds", "fit", "residuals", "dependence", "path", "convergence"]
TOLERANCE = ["tolerance", "causes", "bounds", "fit", "residuals", "dependence"]
PRICED = ["--start", "random", "--hidden", "12"]
CHOSEN = ["--hidden", "6", "--decay", "0.01"]
WINDOWS = [*looks.WINDOWS, (700, "dark", "print")]

# Facts of every chart that is shown: where it is, which words stick out, and how small they are.
MEASURE = """(() => [...document.querySelectorAll('figure')].map(figure => {
  const shown = [...figure.querySelectorAll('svg')].filter(svg => svg.getClientRects().length);
  const svg = shown[0], frame = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const outside = words.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1 ||
                                            box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
  return {
    name: figure.id, shown: shown.length, width: frame.width, height: frame.height, words: words.length,
    outside: outside.map(([text]) => text), smallest: Math.min(...words.map(([, box]) => box.height)),
    lines: svg.querySelectorAll('polyline, circle').length,
    title: svg.querySelector('title').textContent, description: svg.querySelector('desc').textContent,
    labels: svg.getAttribute('aria-labelledby').split(' ').map(id => document.querySelectorAll('#' + id).length),
  };
}))()"""

# Contrast of the lines with the page, as web accessibility guidelines define it, and how light the page is.
CONTRAST = """(() => {
  const light = colour => { const [r, g, b] = colour.match(/[0-9.]+/g).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const under = light(getComputedStyle(document.body).backgroundColor);
  const ratio = colour => { const over = light(colour); return (Math.max(over, under) + 0.05) / (Math.min(over, under) + 0.05); };
  const stroke = [...document.querySelectorAll('.before-line, .after-line')].map(each => ratio(getComputedStyle(each).stroke));
  return {line: Math.min(...stroke), under};
})()"""


def hard_table():
    """A table whose names and numbers are hard to fit in."""
    random.seed(1)
    names = ["temperature of the inlet water (°C) measured at the second valve", "b<i>&amp;", "kind",
             "annual energy consumption per square metre of heated floor (kWh/m²)"]
    rows = [names]
    for _ in range(60):
        a, b = random.gauss(0, 1), random.gauss(0, 1)
        rows.append([20 + 5 * a, 1e-6 * b, random.choice("xyz"), 1e7 * (3 + a * b + random.gauss(0, 0.1))])
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture(scope="module", params=[(data, flags) for data in ["machine", "hard.csv"] for flags in [PRICED, CHOSEN]], ids=str)
def page(request, tmp_path_factory):
    """The address of a report, the list of what was asked of its server, and the charts that it has."""
    if not browser.program():
        print("the report was not looked at: chromium is not installed")
        pytest.skip("chromium is not installed")
    folder = tmp_path_factory.mktemp("report")
    (folder / "hard.csv").write_text(hard_table())
    data, flags = request.param
    command = [PROGRAM, "train", data, *flags, "--test", "0.25", "--quiet", "--report", folder / "report.html"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    with browser.served(folder) as (address, asked):
        yield f"{address}/report.html", asked, TOLERANCE if flags is CHOSEN else CHARTS


@pytest.fixture(scope="module")
def window(page):
    with browser.Browser() as shown:
        yield shown


@pytest.mark.parametrize("width, scheme, media", WINDOWS)
def test_the_page_is_whole_and_every_chart_is_readable(page, window, width, scheme, media):
    address, asked, expected = page
    asked.clear()
    window.show(address, width, scheme=scheme, media=media)
    assert window.log == []
    assert asked == ["/report.html"]
    assert [each for each in window.requests if not each.startswith("data:")] == [address]
    assert looks.complaints(window, width) == []
    window.value("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert looks.complaints(window, width) == [], "with the numbers below the charts"
    window.value("document.querySelectorAll('details').forEach(each => { each.open = false })")

    charts = window.value(MEASURE)
    assert [chart["name"] for chart in charts] == expected
    for chart in charts:
        assert chart["shown"] == 1 and chart["labels"] == [1, 1], chart
        assert chart["outside"] == [], chart
        # One bar for each input, and the page has few of them.
        height, lines = (100, 5) if chart["name"] == "causes" else (150, 8)
        assert chart["width"] > 0.8 * min(width, 700) and chart["height"] > height, chart
        assert chart["words"] >= 8 and chart["lines"] >= lines and chart["smallest"] >= 11, chart
        assert chart["title"] and chart["description"], chart

    contrast = window.value(CONTRAST)
    assert contrast["line"] >= 3, contrast
    assert (contrast["under"] < 0.05) == (scheme == "dark" and media == "screen"), "dark on a dark screen, light on paper"


# A page with every fault that `looks` is there for, and beside each something alike that is none.
FAULTY = """<!doctype html><title>t</title><meta name=viewport content="width=device-width, initial-scale=1"><style>body { margin: 0; background: #fff }</style>
<p style="color: #777">pale</p><p style="color: #707070">dark enough</p>
<div style="background: #333"><p style="color: #666">pale on dark</p></div>
<p style="opacity: .4">faded</p><p style="visibility: hidden; color: #fff">hidden</p>
<svg width="300" height="100" viewBox="0 0 300 100"><polygon points="0,40 300,40 300,80 0,80" fill="#000" fill-opacity="0.6"/>
<text x="10" y="20">one label</text><text x="40" y="22">another</text><text x="10" y="60" fill="#444">on a surface</text>
<text x="10" y="95" fill="#444">below it</text>
<polyline points="100,20 126,20" stroke="red" fill="none"/><polyline points="150,20 176,20" stroke="blue" fill="none"/>
<polyline points="100,20 126,30 150,40" stroke="blue" fill="none"/></svg>
<table id=settings style="width: 60px; overflow-wrap: anywhere"><tr><th style="width: 20px">brokenword</table>
<div style="width: 2000px">wide</div>"""


def test_every_fault_is_seen(tmp_path):
    if not browser.program():
        pytest.skip("chromium is not installed")
    (tmp_path / "faulty.html").write_text(FAULTY)
    with browser.served(tmp_path) as (address, _), browser.Browser() as window:
        window.show(f"{address}/faulty.html", 1200)
        told = looks.complaints(window, 1200)
    starts = ["'pale' (p)", "'pale on dark' (p)", "'faded' (p)", "'on a surface' (text)", "'another' lies on 'one label'", "a sample of a legend",
              "'brokenword' is broken", "the page is 2000 pixels wide"]
    assert sorted({line[: len(start)] for line in told for start in starts if line.startswith(start)}) == sorted(starts), told
    assert all(any(line.startswith(start) for start in starts) for line in told), told

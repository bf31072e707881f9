"""The report as a browser shows it: nothing fetched, nothing complained of, every chart there and readable."""
import functools
import http.server
import pathlib
import random
import subprocess
import threading

import pytest

import browser

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "target" / "release" / "tautnet"
CHARTS = ["attack", "bounds", "fit", "path", "convergence"]
TOLERANCE = ["tolerance", "causes", "bounds", "fit"]
PRICED = ["--start", "random", "--hidden", "12"]
CHOSEN = ["--hidden", "6", "--decay", "0.01"]
WINDOWS = [(1280, "light", "screen"), (1280, "dark", "screen"), (390, "light", "screen"), (390, "dark", "screen"), (700, "dark", "print")]

# Facts of every chart that is shown: where it is, which words lie on others, which stick out, and how small they are.
MEASURE = """(() => [...document.querySelectorAll('figure')].map(figure => {
  const shown = [...figure.querySelectorAll('svg')].filter(svg => svg.getClientRects().length);
  const svg = shown[0], frame = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 4 || b.bottom <= a.top + 4;
  const overlaps = [];
  words.forEach(([a, box], k) => words.slice(0, k).forEach(([b, other]) => apart(box, other) || overlaps.push([a, b])));
  const outside = words.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1 ||
                                            box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
  return {
    name: figure.id, shown: shown.length, width: frame.width, height: frame.height, words: words.length, overlaps,
    outside: outside.map(([text]) => text), smallest: Math.min(...words.map(([, box]) => box.height)),
    lines: svg.querySelectorAll('polyline, circle').length,
    title: svg.querySelector('title').textContent, description: svg.querySelector('desc').textContent,
    labels: svg.getAttribute('aria-labelledby').split(' ').map(id => document.querySelectorAll('#' + id).length),
  };
}))()"""

# Contrast of every ink with what is under it, as web accessibility guidelines define it.
CONTRAST = """(() => {
  const light = colour => { const [r, g, b] = colour.match(/[0-9.]+/g).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const under = light(getComputedStyle(document.body).backgroundColor);
  const ratio = colour => { const over = light(colour); return (Math.max(over, under) + 0.05) / (Math.min(over, under) + 0.05); };
  const fill = [...document.querySelectorAll('svg text')].map(each => ratio(getComputedStyle(each).fill));
  const stroke = [...document.querySelectorAll('.before-line, .after-line')].map(each => ratio(getComputedStyle(each).stroke));
  const prose = [...document.querySelectorAll('p, figcaption, td, th, dt, dd, summary')].map(each => ratio(getComputedStyle(each).color));
  return {text: Math.min(...fill, ...prose), line: Math.min(...stroke), under};
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
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/report.html", asked, TOLERANCE if flags is CHOSEN else CHARTS
        server.shutdown()


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
    assert window.value("document.documentElement.scrollWidth") <= width, "nothing sticks out sideways"

    charts = window.value(MEASURE)
    assert [chart["name"] for chart in charts] == expected
    for chart in charts:
        assert chart["shown"] == 1 and chart["labels"] == [1, 1], chart
        assert chart["overlaps"] == [] and chart["outside"] == [], chart
        # One bar for each input, and the page has few of them.
        height, lines = (100, 5) if chart["name"] == "causes" else (150, 8)
        assert chart["width"] > 0.8 * min(width, 700) and chart["height"] > height, chart
        assert chart["words"] >= 8 and chart["lines"] >= lines and chart["smallest"] >= 11, chart
        assert chart["title"] and chart["description"], chart

    contrast = window.value(CONTRAST)
    assert contrast["text"] >= 4.5 and contrast["line"] >= 3, contrast
    assert (contrast["under"] < 0.05) == (scheme == "dark" and media == "screen"), "dark on a dark screen, light on paper"

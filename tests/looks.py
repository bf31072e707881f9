"""What an eye would see of a page, measured in a browser: words too pale, words on words, and what sticks out sideways."""

# Every screen on which pages are looked at, and paper, which is light whatever the screen is.
WINDOWS = [(width, scheme, media) for width in (1200, 390) for scheme, media in [("light", "screen"), ("dark", "screen"), ("dark", "print")]]

# The contrast of every word that is shown with what is behind it, as web accessibility guidelines define it, [ratio, word] where it is below
# the least that they ask for of small type. What is behind: the backgrounds of the elements around it, and in a chart the surfaces drawn before it.
PALE = """(least => {
  const canvas = document.createElementNS('http://www.w3.org/1999/xhtml', 'canvas').getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const colour = text => {  // red, green, blue and opacity, whatever the way in which the style says it
    if (!known.has(text)) {
      const numbers = /^rgba?\\(/.test(text) ? text.match(/[0-9.]+/g).map(Number) : null;
      if (numbers) known.set(text, numbers.length > 3 ? numbers : [...numbers, 1]);
      else {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        known.set(text, [r, g, b, a / 255]);
      }
    }
    return known.get(text);
  };
  const over = ([r, g, b, a], under, opacity = 1) => [r, g, b].map((v, k) => a * opacity * v + (1 - a * opacity) * under[k]);
  const light = rgb => { const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                         return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const paper = [255, 255, 255];
  const grounds = new Map(), opacities = new Map();
  const behind = element => {  // elements of a chart but the chart itself have no background
    if (!(element instanceof Element)) return paper;
    if (element instanceof SVGElement && !(element instanceof SVGSVGElement)) return behind(element.parentElement);
    if (!grounds.has(element)) grounds.set(element, over(colour(getComputedStyle(element).backgroundColor), behind(element.parentElement)));
    return grounds.get(element);
  };
  const opacity = element => {
    if (!(element instanceof Element)) return 1;
    if (!opacities.has(element)) opacities.set(element, Number(getComputedStyle(element).opacity) * opacity(element.parentElement));
    return opacities.get(element);
  };
  // Surfaces of a chart under a point of the window, in the order in which they were drawn.
  const filled = new Map();
  const surfaces = (text, x, y) => {
    const svg = text.ownerSVGElement;
    if (!filled.has(svg)) filled.set(svg, [...svg.querySelectorAll('rect, polygon, circle, path')]
      .filter(shape => getComputedStyle(shape).fill !== 'none').map(shape => [shape, shape.getBoundingClientRect()]));
    return filled.get(svg).filter(([shape, box]) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom &&
      shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING &&
      shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()))).map(([shape]) => shape);
  };
  const pale = [];
  const judge = (element, front, back, words) => {
    const found = ratio(over(front, back, opacity(element)), back);
    if (found < least) pale.push([Math.floor(100 * found) / 100, words.trim().slice(0, 60), element.tagName.toLowerCase()]);
  };
  const seen = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = seen.nextNode(); node; node = seen.nextNode()) {
    const element = node.parentElement, range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter(box => box.width > 1 && box.height > 1 && box.right > 0 && box.left < innerWidth);
    if (!node.data.trim() || !boxes.length || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const style = getComputedStyle(element);
    if (style.clip !== 'auto' && style.position === 'absolute') continue;  // for readers of the screen alone
    if (element.ownerSVGElement) {
      if (!element.closest('text')) continue;
      const text = element.closest('text'), ink = colour(style.fill), box = text.getBoundingClientRect();
      for (const part of [0.02, 0.25, 0.5, 0.75, 0.98]) {
        const under = surfaces(text, box.left + part * box.width, box.top + 0.5 * box.height);
        const fill = shape => [colour(getComputedStyle(shape).fill), Number(getComputedStyle(shape).fillOpacity)];
        judge(text, ink, under.reduce((back, shape) => over(fill(shape)[0], back, fill(shape)[1]), behind(text.ownerSVGElement)), node.data);
      }
    } else judge(element, colour(style.color), behind(element), node.data);
  }
  return pale.slice(0, 20);
})(4.5)"""

# Words of a chart that lie on other words of it, and samples of a legend that are drawn in another way than everything else.
OVERLAPS = """(() => [...document.querySelectorAll('svg')].filter(svg => svg.getClientRects().length && !svg.ownerSVGElement).flatMap(svg => {
  const words = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  const apart = (a, b) => a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 4 || b.bottom <= a.top + 4;
  return words.flatMap(([a, box], k) => words.slice(0, k).filter(([, other]) => !apart(box, other)).map(([b]) => [a, b]));
}))()"""
LEGEND = """(() => [...document.querySelectorAll('svg')].filter(svg => svg.getClientRects().length && !svg.ownerSVGElement).flatMap(svg => {
  const lines = [...svg.querySelectorAll('polyline')];
  const isSample = line => { const [a, b] = line.points; return line.points.length === 2 && a.y === b.y && Math.abs(b.x - a.x - 26) < 0.02; };
  const looks = line => getComputedStyle(line).stroke + ' ' + getComputedStyle(line).strokeDasharray;
  const drawn = new Set(lines.filter(line => !isSample(line)).map(looks));
  return lines.filter(isSample).map(looks).filter(look => !drawn.has(look));
}))()"""

# Words of the names of settings that are broken, for there are spaces to break at.
BROKEN = """(() => [...document.querySelectorAll('#settings th')].flatMap(cell => {
  const text = cell.firstChild;
  return [...text.data.matchAll(/\\S+/g)].filter(word => {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    return range.getClientRects().length > 1;
  }).map(word => word[0]);
}))()"""

SIDEWAYS = "document.documentElement.scrollWidth"


def complaints(window, width):
    """All that is wrong with the page that a window of that width shows; an empty list where nothing is."""
    told = [f"{words!r} ({tag}) has a contrast of {ratio}" for ratio, words, tag in window.value(PALE)]
    told += [f"{one!r} lies on {other!r}" for one, other in window.value(OVERLAPS)]
    told += [f"a sample of a legend is drawn as nothing else: {look}" for look in window.value(LEGEND)]
    told += [f"{word!r} is broken" for word in window.value(BROKEN)]
    wide = window.value(SIDEWAYS)
    return told + ([f"the page is {wide} pixels wide and the window {width}"] if wide > width else [])

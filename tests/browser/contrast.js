/* The contrast (WCAG 2) of every text, line and bar below `root` against what is painted behind it.

Backgrounds, opacities and filters of all elements around are composed as the browser does; text in an SVG image is read
out of the image's address. Gives [{kind, what, ratio, least}], `least` being what is asked for. */
(root) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 1;
  const parse = (colour) => {
    if (!colour || colour === "none") return [0, 0, 0, 0];
    const found = colour.match(/^rgba?\(([^)]+)\)$/);
    if (found) {
      const [red, green, blue, opacity = 1] = found[1].split(/[ ,/]+/).map(Number);
      return [red, green, blue, opacity];
    }
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, opacity] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, opacity / 255];
  };
  const over = (top, below) => {
    const opacity = top[3] + below[3] * (1 - top[3]);
    if (!opacity) return [0, 0, 0, 0];
    return [0, 1, 2].map((i) => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / opacity).concat(opacity);
  };
  const clamp = (v) => Math.min(255, Math.max(0, v));
  const FILTERS = {
    invert: (v) => (c) => c.map((x) => x * (1 - 2 * v) + 255 * v),
    brightness: (v) => (c) => c.map((x) => x * v),
    "hue-rotate": (v) => (c) => {
      const [cos, sin] = [Math.cos((v * Math.PI) / 180), Math.sin((v * Math.PI) / 180)];
      const [r, g, b] = c;
      return [
        (0.213 + cos * 0.787 - sin * 0.213) * r + (0.715 - cos * 0.715 - sin * 0.715) * g + (0.072 - cos * 0.072 + sin * 0.928) * b,
        (0.213 - cos * 0.213 + sin * 0.143) * r + (0.715 + cos * 0.285 + sin * 0.14) * g + (0.072 - cos * 0.072 - sin * 0.283) * b,
        (0.213 - cos * 0.213 - sin * 0.787) * r + (0.715 - cos * 0.715 + sin * 0.715) * g + (0.072 + cos * 0.928 + sin * 0.072) * b,
      ];
    },
  };
  const filtered = (filter, colour) => {
    let shown = colour.slice(0, 3);
    for (const [, name, value] of filter.matchAll(/([a-z-]+)\((-?[\d.]+)/g)) {
      if (!FILTERS[name]) throw new Error(`no rule for the filter ${name}`);
      shown = FILTERS[name](+value)(shown).map(clamp);
    }
    return shown.concat(colour[3]);
  };
  const veil = (image) => parse(image.match(/^linear-gradient\((rgba?\([^)]+\)), \1\)$/)?.[1]);
  const chain = (element) => {
    const around = [];
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
      const style = getComputedStyle(at);
      const group = at instanceof SVGElement && !(at instanceof SVGSVGElement);
      around.push({
        background: group ? [0, 0, 0, 0] : over(veil(style.backgroundImage), parse(style.backgroundColor)),
        opacity: +style.opacity,
        filter: style.filter === "none" ? "" : style.filter,
      });
    }
    return around;
  };
  // From the inside out: each element's group is painted, filtered, made translucent, and laid onto its parent's.
  const painted = (around, ink) => {
    let colour = ink;
    for (const { background, opacity, filter } of around) {
      colour = over(colour, background);
      if (filter) colour = filtered(filter, colour);
      colour = [...colour.slice(0, 3), colour[3] * opacity];
    }
    return over(colour, [255, 255, 255, 1]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = [];
  const measure = (kind, what, around, ink, least) => {
    const [a, b] = [painted(around, ink), painted(around, [0, 0, 0, 0])].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen.push({ kind, what: what.trim().slice(0, 60), ratio: Math.round(ratio * 100) / 100, least });
  };
  const isLarge = (style) => parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && +style.fontWeight >= 700);
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && element.getClientRects().length > 0;

  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const drawn = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("script,style,title,.jp-OutputPrompt") || !isShown(element)) continue;
    const style = getComputedStyle(element);
    const inSvg = element instanceof SVGElement;
    const ink = parse(inSvg ? style.fill : style.color);
    if (inSvg) ink[3] *= +style.fillOpacity;
    measure("text", walker.currentNode.data, chain(element), ink, isLarge(style) ? 3 : 4.5);
  }
  // What carries data in a live Plotly figure.
  for (const mark of root.querySelectorAll(".scatterlayer path.js-line, .scatterlayer path.point, .barlayer path")) {
    const style = getComputedStyle(mark);
    const [name, part] = mark.matches(".js-line") ? ["stroke", "strokeOpacity"] : ["fill", "fillOpacity"];
    const ink = parse(style[name]);
    ink[3] *= +style[part];
    const key = `${mark.getAttribute("class")} ${style[name]} ${ink[3]}`;
    // A translucent line is a guide (the unit circle, an invisible frame), no datum.
    if (drawn.has(key) || ink[3] < 0.5 || !isShown(mark)) continue;
    drawn.add(key);
    measure("mark", key, chain(mark), ink, 3);
  }
  for (const image of root.querySelectorAll('img[src^="data:image/svg+xml,"]')) {
    if (!isShown(image)) continue;
    const text = decodeURIComponent(image.getAttribute("src").slice("data:image/svg+xml,".length));
    const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const around = chain(image);
    const inherited = (node, name) => node.closest(`[${name}]`)?.getAttribute(name);
    const kinds = new Set();
    for (const node of svg.querySelectorAll("text, path, rect")) {
      const kind = node.tagName === "text" ? "text" : "mark";
      const stroke = node.getAttribute("stroke");
      const ink = parse(kind === "text" || (node.tagName === "rect" && !stroke) ? inherited(node, "fill") : stroke);
      ink[3] *= +(node.getAttribute("stroke-opacity") ?? 1);
      if (kind === "mark" && (ink[3] < 0.5 || (node.tagName === "rect" && stroke))) continue;
      const key = `${kind} ${ink}`;
      if (kinds.has(key)) continue;
      kinds.add(key);
      measure(kind, `image: ${node.textContent || key}`, around, ink, kind === "text" ? 4.5 : 3);
    }
  }
  return seen;
}

"use strict";
/* Pictures on a canvas: functions of what they show. They know no theory, and no page but the canvas they are given. */

const Drawing = (() => {
  const MARGIN = { left: 40, right: 12, top: 22, bottom: 36 };
  const FONT = '12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

  /** Colours as the style sheet has them now. */
  function palette() {
    const style = getComputedStyle(document.documentElement);
    const names = ["page", "text", "soft", "line", "free", "guided", "sampled", "classes", "means"];
    names.push("crowd", "glass", "target", "captured");
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  /** The canvas at the resolution of the screen, emptied: its context, width and height. */
  function fresh(canvas) {
    const scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    Object.assign(context, { font: FONT, lineJoin: "round", globalAlpha: 1 });
    return { context, width, height };
  }

  /** Round numbers, 4 to 8 of them, from low to high. */
  function ticks(low, high) {
    const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((k) => k * power >= raw);
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
  }

  function stroke(context, points, colour, width, dash = []) {
    Object.assign(context, { strokeStyle: colour, lineWidth: width });
    context.setLineDash(dash);
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
    context.setLineDash([]);
  }

  function circle(context, [x, y], radius) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }

  /** Filled as one, so that discs of a faint colour do not add up. */
  function discs(context, middles, radius, colour) {
    context.beginPath();
    for (const middle of middles) circle(context, middle, radius);
    context.fillStyle = colour;
    context.fill();
  }

  /** Curves over time, which runs to the right.

      chart: {from, to, low, high} of the axes; bands [{from, to, phase}]; times [[x, word]]; level, a thin line;
      lines [{points, colour, width, dash}]; dots [{points, colour}]; cursor x. */
  function curves(canvas, colours, chart) {
    const { context, width, height } = fresh(canvas), { left, right, top, bottom } = MARGIN;
    const X = (x) => left + ((x - chart.from) / (chart.to - chart.from)) * (width - left - right);
    const Y = (y) => height - bottom - ((y - chart.low) / (chart.high - chart.low)) * (height - top - bottom);
    context.textBaseline = "middle";
    for (const { from, to, phase } of chart.bands) {
      const x = X(Math.max(from, chart.from)), over = X(to) - x;
      if (over <= 0) continue;
      context.fillStyle = colours[phase];
      context.fillRect(x, top, over, height - top - bottom);
      context.fillStyle = colours.soft;
      if (over > context.measureText(phase).width + 6) context.fillText(phase, x + 4, top - 10);
    }
    context.textAlign = "right";
    for (const y of ticks(chart.low, chart.high)) {
      stroke(context, [[left, Y(y)], [width - right, Y(y)]], colours.line, 0.6);
      context.fillStyle = colours.soft;
      context.fillText(String(y), left - 6, Y(y));
    }
    context.textAlign = "center";
    let free = -Infinity;
    for (const [x, word] of [...chart.times].reverse()) { // t = 0 first: it keeps its place
      if (x < chart.from || (free > -Infinity && free - X(x) < 26)) continue;
      free = X(x);
      stroke(context, [[free, height - bottom], [free, height - bottom + 4]], colours.soft, 1);
      context.fillText(word, free, height - bottom + 13);
    }
    context.fillText("noise time t", left + (width - left - right) / 2, height - bottom + 28);
    context.textAlign = "left";
    stroke(context, [[left, Y(chart.level)], [width - right, Y(chart.level)]], colours.soft, 1);
    context.save();
    context.beginPath();
    context.rect(left, top - 3, width - left - right + 4, height - top - bottom + 6);
    context.clip();
    stroke(context, [[X(chart.cursor), top], [X(chart.cursor), height - bottom]], colours.text, 1, [2, 3]);
    for (const line of chart.lines) {
      stroke(context, line.points.map(([x, y]) => [X(x), Y(y)]), line.colour, line.width, line.dash);
    }
    for (const { points, colour } of chart.dots) {
      const places = points.map(([x, y]) => [X(x), Y(y)]);
      discs(context, places, 3.8, colours.page);
      discs(context, places, 3.1, colour);
    }
    context.restore();
  }

  /** The time axis of `curves`: the share of its length at a place across the canvas. */
  function share(canvas, place) {
    const inside = (place - MARGIN.left) / (canvas.clientWidth - MARGIN.left - MARGIN.right);
    return Math.min(Math.max(inside, 0), 1);
  }

  // Class means as in the figure "plane": on a spiral, with the radii of a Gaussian cloud, the target at 2^(1/2)
  const MEANS = Array.from({ length: 60 }, (_, k) => {
    const radius = Math.sqrt(-2 * Math.log1p(-(k + 0.5) / 60)), angle = k * Math.PI * (3 - Math.sqrt(5));
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  const away = (mean) => Math.abs(Math.hypot(...mean) - Math.SQRT2);
  const TARGET = MEANS.reduce((best, mean) => (away(mean) < away(best) ? mean : best));
  const halton = (i, base) => (i === 0 ? 0 : ((i % base) + halton(Math.floor(i / base), base)) / base);
  const CLOUD = Array.from({ length: 500 }, (_, i) => { // standard normal, the same at every look
    const radius = Math.sqrt(-2 * Math.log(halton(i + 1, 2))), angle = 2 * Math.PI * halton(i + 1, 3);
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  const REACH = 3.1;

  /** Clouds of samples N(m mu, v), side by side: panels [{name, m, v, colour}] at time t, over (1 + t)^(1/2).

      The classes are grey; black circles are one and two standard deviations of the target's, noised. */
  function plane(canvas, colours, { panels, t, sigma2 }) {
    const { context, width, height } = fresh(canvas);
    const side = width / panels.length - 8, shrink = 1 / Math.sqrt(1 + t), top = MARGIN.top;
    const unit = Math.min(side, height - top) / (2 * REACH);
    panels.forEach(({ name, m, v, colour }, i) => {
      const x0 = i * (side + 16), middle = [x0 + side / 2, top + (height - top) / 2];
      const at = ([x, y]) => [middle[0] + unit * shrink * x, middle[1] - unit * shrink * y];
      const spread = unit * shrink * Math.sqrt(sigma2 + t);
      context.textAlign = "left";
      context.fillStyle = colours.soft;
      context.fillText(name, x0 + 2, top - 10);
      context.save();
      context.beginPath();
      context.rect(x0, top, side, height - top);
      context.clip();
      discs(context, MEANS.map(at), spread, colours.classes); // their union, however much they overlap
      discs(context, MEANS.map(at), 1.3, colours.means);
      Object.assign(context, { fillStyle: colour, globalAlpha: 0.6 });
      const size = Number.isFinite(m) ? Math.sqrt(v) : NaN;
      for (const [a, b] of Number.isFinite(size) ? CLOUD : []) {
        const [x, y] = at([m * TARGET[0] + size * a, m * TARGET[1] + size * b]);
        context.fillRect(x - 1.2, y - 1.2, 2.4, 2.4);
      }
      Object.assign(context, { globalAlpha: 1, strokeStyle: colours.text, lineWidth: 1.4 });
      context.beginPath();
      for (const widths of [1, 2]) circle(context, at(TARGET), widths * spread);
      context.stroke();
      context.restore();
      Object.assign(context, { strokeStyle: colours.line, lineWidth: 1 });
      context.strokeRect(x0 + 0.5, top + 0.5, side - 1, height - top - 1);
    });
  }

  return { palette, curves, share, plane };
})();

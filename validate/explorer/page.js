"use strict";
/* The page: shows what `Theory` says of the state, by `Drawing`, and changes the state by what is done. */

const { GROUPS, FIELDS, CLOCK } = Choices;
const $ = (id) => document.getElementById(id);
const state = {};
let colours = Drawing.palette();

// -- what is shown ---------------------------------------------------------------------------------------------------

const number = (x) => (!Number.isFinite(x) ? "–" : Math.abs(x) < 1000 ? x.toFixed(4) : x.toPrecision(5));
const short = (x) => String(Number(x.toPrecision(3)));
const tauOf = (t) => -Math.log(state.sigma2 + t);
const timeOf = (tau) => Math.max(Math.exp(-tau) - state.sigma2, 0);

/** All that the theory says of the state; the time axis is all of it, or from t = 1000 if it begins at infinity. */
function solved() {
  const p = Choices.problem(state), theory = Theory.trajectory(p);
  const alone = Theory.start({ ...p, edges: [], values: [0], omega: 0 });
  const last = theory.points[theory.points.length - 1];
  const from = Math.max(theory.points[0].tau, tauOf(Number.isFinite(p.T) ? p.T : 1000)), to = tauOf(0);
  return {
    p, theory, law: Theory.samplerLaw(p, ...Choices.steps(state).arguments),
    free: (tau) => Theory.unguided(p, alone, tau),
    end: theory.lost ? { m: NaN, v: NaN } : last,
    from, to, cursor: from + state[CLOCK] * (to - from),
  };
}

/** What is to be said of a glass, if one is met. */
function warning(theory, law) {
  if (theory.lost) return "A wrong class captures the sample, and this page does not follow it";
  if (theory.phases.includes("glass")) return "The guided sample passes a glass";
  return law.glass ? "The sampler passes a glass" : "";
}

/** Change a text only if it is another: the browser then lays out nothing anew. */
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function writeNumbers({ p, theory, law, end }) {
  write($("mean"), number(end.m));
  write($("variance"), number(end.v / p.sigma2));
  write($("steps-mean"), number(law.m));
  write($("steps-variance"), number(law.v / p.sigma2));
  const method = FIELDS.method.words[state.method];
  for (const place of document.querySelectorAll(".steps-count")) write(place, `${state.steps} steps`);
  for (const place of document.querySelectorAll(".steps-method")) write(place, ` of ${method}`);
  const badge = (phase) => element("span", { className: `phase ${phase}`, textContent: phase });
  if ($("phases").textContent !== theory.phases.join("")) $("phases").replaceChildren(...theory.phases.map(badge));
  const decided = Number.isFinite(theory.tSpeciation);
  const when = decided ? `; the class is decided at t = ${short(theory.tSpeciation)}` : "";
  write($("standing"), theory.standing + when);
  const met = warning(theory, law);
  write($("advice"), met && `${met}: ask quenched.`);
  $("glass").hidden = !met;
  write($("python"), Choices.python(state, Boolean(met)));
}

/** Runs of points of one phase: {phase, from, to, points}, each beginning where the last one ends. */
function runsOf(points) {
  const runs = [];
  for (const point of points) {
    const last = runs[runs.length - 1];
    if (last) Object.assign(last, { to: point.tau }).points.push(point);
    if (!last || last.phase !== point.phase) {
      runs.push({ phase: point.phase, from: point.tau, to: point.tau, points: [point] });
    }
  }
  return runs;
}

function drawCurves({ p, theory, law, free, from, to, cursor }) {
  const seen = theory.points.filter(({ tau }) => tau >= from - 0.1), runs = runsOf(seen);
  const grid = Array.from({ length: 301 }, (_, i) => from + (i / 300) * (to - from));
  const bands = runs.map((run) => (run.phase === "captured" ? { ...run, to } : run));
  const times = [10000, 1000, 100, 10, 1, 0.1, 0].map((t) => [tauOf(t), String(t)]);
  const chart = { from, to, cursor, bands, times };
  const states = law.calls.filter(({ t }, i) => t !== law.calls[i + 1]?.t); // without those that Heun's method tries
  const steps = [...states, { tau: to, m: law.m, v: law.v }].filter(({ tau }) => tau >= from);
  const guided = (of, runs, width, dashed) => runs.map(({ phase, points }) => ({
    points: points.map((x) => [x.tau, of(x)]), colour: colours.guided, width, dash: phase === dashed ? [5, 4] : [],
  }));
  const picture = (canvas, of, ofFree) => {
    const points = steps.map((x) => [x.tau, of(x)]);
    const values = [...seen.map(of), ...points.map(([, y]) => y)].filter(Number.isFinite);
    const thin = { points: grid.map((tau) => [tau, ofFree(free(tau))]), colour: colours.free, width: 1.6 };
    const lines = [thin, ...guided(of, runs, 2.2, "glass")], dots = [{ points, colour: colours.sampled }];
    const high = 1.08 * Math.max(1.15, ...values);
    Drawing.curves(canvas, colours, { ...chart, low: 0, high, level: 1, lines, dots });
  };
  picture($("chart-mean"), (x) => x.m, (x) => 1 + x.delta);
  picture($("chart-variance"), (x) => x.v * Math.exp(x.tau), (x) => Math.exp(x.y));

  const weights = grid.map((tau) => [tau, Theory.weight(p, timeOf(tau))]);
  const late = weights.filter(([tau]) => tau >= tauOf(10) || !p.omega).map(([, w]) => w); // a window grows like t
  const [low, high] = [Math.min(0, ...late), Math.max(1, ...late)], room = 0.1 * (high - low);
  const asked = { points: weights, colour: colours.guided, width: 1.2, dash: [3, 3] };
  const acts = guided((x) => x.w, runs.filter(({ phase }) => phase !== "target"), 3.4);
  const axes = { low: low - room, high: high + room, level: 0 };
  Drawing.curves($("chart-weight"), colours, { ...chart, ...axes, lines: [asked, ...acts], dots: [] });
}

/** delta and y of a trajectory at tau, straight between its points; null where it has none. */
function between(points, tau) {
  const next = points.findIndex((x) => x.tau >= tau - 1e-12);
  if (next <= 0) return next === 0 ? points[0] : null;
  const [a, b] = [points[next - 1], points[next]], part = Math.min((tau - a.tau) / (b.tau - a.tau), 1);
  return { delta: a.delta + part * (b.delta - a.delta), y: a.y + part * (b.y - a.y) };
}

function drawPlane({ theory, free, p, cursor }) {
  const t = timeOf(cursor), D = p.sigma2 + t, guided = between(theory.points, cursor);
  const panel = (name, x, colour) => ({ name, colour, m: x ? 1 + x.delta : NaN, v: x ? D * Math.exp(x.y) : NaN });
  const panels = [panel("unguided", free(cursor), colours.free)];
  panels.push(panel(guided ? "guided" : "guided: captured", guided, colours.guided));
  Drawing.plane($("chart-plane"), colours, { panels, t, sigma2: p.sigma2 });
  const { m, v } = panels[1];
  const when = `t = ${t < 0.005 ? "0" : short(t)}`;
  write($("time-value"), when);
  $("time").setAttribute("aria-valuetext", `${when}: mean ${number(m)}, variance over noised ${number(v / D)}`);
}

/** The result in words, for who does not see the pictures. */
function describe({ p, theory, law, end }) {
  const whole = `Guided: mean ${number(end.m)}, variance ${number(end.v / p.sigma2)} of the class's.`;
  const steps = `In ${state.steps} steps: mean ${number(law.m)}, variance ${number(law.v / p.sigma2)}.`;
  const told = `${whole} Phases: ${theory.phases.join(", then ")}; ${theory.standing}. ${steps}`;
  $("spoken").textContent = told;
  for (const name of ["mean", "variance", "weight", "plane"]) {
    $(`chart-${name}`).setAttribute("aria-label", `${name}: ${told}`);
  }
}

function render() {
  showControls();
  const all = solved();
  writeNumbers(all);
  drawCurves(all);
  drawPlane(all);
  return all;
}

// -- the controls ----------------------------------------------------------------------------------------------------

function element(tag, more = {}, ...inside) {
  const made = Object.assign(document.createElement(tag), more);
  made.append(...inside);
  return made;
}

function controlOf(key, { name, words, list, low, high, step, log }) {
  const id = `c-${key}`, label = element("label", { htmlFor: id, textContent: name });
  if (list) {
    const options = Object.entries(words).map(([value, textContent]) => element("option", { value, textContent }));
    return [label, element("select", { id, name: key }, ...options)];
  }
  if (words) {
    const choice = (value) => element("input", { type: "radio", name: key, value, id: `${id}-${value}` });
    return Object.entries(words).map(([value, word]) => element("label", {}, choice(value), word));
  }
  const range = log ? { min: Math.log10(low), max: Math.log10(high), step: 0.01 } : { min: low, max: high, step };
  const value = element("output", { id: `${id}-value`, htmlFor: id });
  return [label, value, element("input", { type: "range", id, name: key, ...range })];
}

function buildControls() {
  for (const [title, fields] of Object.entries(GROUPS)) {
    const rows = Object.entries(fields).map(([key, field]) => {
      const className = field.words && !field.list ? "row wide" : "row";
      return element("div", { id: `row-${key}`, className }, ...controlOf(key, field));
    });
    $("controls").append(element("fieldset", {}, element("legend", { textContent: title }), ...rows));
  }
}

/** The controls as the state has them. */
function showControls() {
  for (const [key, { words, list, log }] of Object.entries(FIELDS)) {
    $(`row-${key}`).hidden = !Choices.shown(key, state);
    if (list) $(`c-${key}`).value = state[key];
    else if (words) $(`c-${key}-${state[key]}`).checked = true;
    else {
      const slider = $(`c-${key}`), text = String(state[key]);
      slider.value = log ? Math.log10(state[key]) : state[key];
      slider.setAttribute("aria-valuetext", text);
      write($(`c-${key}-value`), text);
    }
  }
  $("time").value = state[CLOCK];
}

// -- what is done ----------------------------------------------------------------------------------------------------

let waiting = false;

/** Draw at the next frame, once however often it is asked. */
function update() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    render();
  });
}

/** After a change: the address, and what a screen reader says. */
function finish() {
  history.replaceState(null, "", Choices.address(state));
  describe(solved());
}

function readAddress() {
  Object.assign(state, Choices.read(location.hash.slice(1)));
}

function play() {
  const first = state[CLOCK] < 1 ? state[CLOCK] : 0, began = performance.now();
  const frame = (now) => {
    if ($("play").textContent === "Play") return;
    state[CLOCK] = Math.min(Math.max(first + (now - began) / 5000, 0), 1);
    render();
    if (state[CLOCK] < 1) requestAnimationFrame(frame);
    else pause();
  };
  $("play").textContent = "Pause";
  requestAnimationFrame(frame);
}

function pause() {
  $("play").textContent = "Play";
  finish();
}

async function copy(button, text) {
  const before = button.textContent;
  const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  button.textContent = done ? "Copied" : "Not allowed here";
  setTimeout(() => { button.textContent = before; }, 1500);
}

function listen() {
  const on = (id, kind, act) => $(id).addEventListener(kind, act);
  on("controls", "submit", (event) => event.preventDefault());
  on("controls", "input", ({ target: { name, value } }) => {
    state[name] = Choices.settled(name, FIELDS[name].log ? Number((10 ** Number(value)).toPrecision(3)) : value);
    update();
  });
  on("controls", "change", finish);
  on("time", "input", ({ target }) => { state[CLOCK] = Number(target.value); update(); });
  on("time", "change", finish);
  on("play", "click", () => ($("play").textContent === "Play" ? play() : pause()));
  on("copy", "click", ({ target }) => copy(target, $("python").textContent));
  on("link", "click", ({ target }) => { finish(); copy(target, location.href); });
  on("reset", "click", () => { Object.assign(state, Choices.read("")); render(); finish(); });
  for (const chart of ["chart-mean", "chart-variance", "chart-weight"]) {
    const look = ({ buttons, offsetX }) => {
      if (!buttons) return;
      state[CLOCK] = Drawing.share($(chart), offsetX);
      update();
    };
    on(chart, "pointerdown", look);
    on(chart, "pointermove", look);
    on(chart, "pointerup", finish);
  }
  window.addEventListener("hashchange", () => { readAddress(); update(); });
  window.addEventListener("resize", update);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    colours = Drawing.palette();
    update();
  });
}

/** Milliseconds of a frame, all computed, written and drawn: the mean of n, each at another w. */
function frames(n = 100) {
  const before = state.w, began = performance.now();
  for (let i = 0; i < n; i++) {
    state.w = (5 * i) / n;
    render();
  }
  const mean = (performance.now() - began) / n;
  state.w = before;
  render();
  return mean;
}

readAddress();
buildControls();
listen();
describe(render());

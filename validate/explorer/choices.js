"use strict";
/* What can be chosen, in the sliders and in the address; and the problem it states, for `Theory` and in Python. */

const Choices = (() => {
  const is = (...kinds) => (s) => kinds.includes(s.kind);
  const finite = (s) => s.kind === "linear" || s.start === "finite";

  /** By group: words to choose from, or numbers from low to high, by steps or (log) by three digits. */
  const GROUPS = {
    Classes: {
      many: { words: { finite: "exp(α d) classes", continuum: "infinitely many" }, value: "finite" },
      alpha: { name: "α = log(P)/d", low: 0.05, high: 1.2, step: 0.01, value: 0.4, shown: (s) => s.many === "finite" },
      sigma2: { name: "σ², class variance", low: 0.02, high: 1, step: 0.01, value: 0.25 },
    },
    Guidance: {
      kind: {
        name: "schedule", list: true, value: "constant",
        words: {
          constant: "constant: w", linear: "window: w₀ + ω t", interval: "interval: w for t₁ < t ≤ t₂",
          switch: "switch: w, then late w",
        },
      },
      w: { name: "w", low: -1, high: 10, step: 0.05, value: 1, shown: is("constant", "interval", "switch") },
      w0: { name: "w₀", low: -1, high: 5, step: 0.05, value: -0.5, shown: is("linear") },
      omega: { name: "ω", low: 0, high: 2, step: 0.01, value: 0.5, shown: is("linear") },
      low: { name: "t₁, where it ends", low: 0.01, high: 100, log: true, value: 0.5, shown: is("interval") },
      high: { name: "t₂, where it begins", low: 0.01, high: 100, log: true, value: 10, shown: is("interval") },
      late: { name: "late w", low: -1, high: 5, step: 0.05, value: -1, shown: is("switch") },
      at: { name: "t of the switch", low: 0.01, high: 100, log: true, value: 3, shown: is("switch") },
    },
    Sampler: {
      sampler: { words: { sde: "SDE", ode: "ODE" }, value: "ode" },
      start: {
        words: { infinite: "from t = ∞", finite: "from a finite T" }, value: "infinite",
        shown: (s) => s.kind !== "linear",
      },
      T: { name: "T, the start", low: 0.3, high: 10000, log: true, value: 200, shown: finite },
    },
    "Its steps": {
      method: {
        name: "method", list: true, value: "ddim",
        words: { ddim: "DDIM", ancestral: "Euler ancestral", heun: "Heun", dpmpp: "DPM++ 2M" },
      },
      levels: {
        name: "noise levels", list: true, value: "sd",
        words: { sd: "Stable Diffusion, leading", karras: "Karras, from σ = √T (or 14.6)" },
      },
      steps: { name: "steps", low: 2, high: 100, step: 1, value: 20 },
    },
  };
  const FIELDS = Object.assign({}, ...Object.values(GROUPS));
  const CLOCK = "time"; // where on the time axis the page looks, from 0 to 1

  const shown = (key, s) => !FIELDS[key].shown || FIELDS[key].shown(s);

  /** The value nearest to what is given; the default for what is none. */
  function settled(key, given) {
    const field = FIELDS[key], x = String(given).trim() === "" ? NaN : Number(given);
    if (field.words) return Object.hasOwn(field.words, given) ? given : field.value;
    if (!Number.isFinite(x)) return field.value;
    return Math.min(Math.max(key === "steps" ? Math.round(x) : x, field.low), field.high);
  }

  /** The state that an address states, after its #; what it leaves out has its default. */
  function read(fragment) {
    const given = new URLSearchParams(fragment), state = {};
    for (const key of Object.keys(FIELDS)) state[key] = settled(key, given.get(key) ?? "");
    const time = Number(given.get(CLOCK) ?? 1);
    return Object.assign(state, { [CLOCK]: time >= 0 && time <= 1 ? time : 1 });
  }

  /** The address of a state: what is shown and is not the default. */
  function address(state) {
    const told = Object.keys(FIELDS).filter((key) => state[key] !== FIELDS[key].value && shown(key, state));
    if (state[CLOCK] !== 1) told.push(CLOCK);
    return `#${new URLSearchParams(told.map((key) => [key, state[key]]))}`;
  }

  function schedule(s) {
    const [low, high] = [Math.min(s.low, s.high), Math.max(s.low, s.high, 1.01 * s.low)];
    return {
      constant: { edges: [], values: [s.w], omega: 0, python: `${s.w}` },
      linear: { edges: [], values: [s.w0], omega: s.omega, python: `Linear(${s.w0}, ${s.omega})` },
      interval: { edges: [low, high], values: [0, s.w, 0], omega: 0, python: `Interval(${s.w}, ${low}, ${high})` },
      switch: { edges: [s.at], values: [s.late, s.w], omega: 0, python: `early_high(${s.w}, ${s.at}, ${s.late})` },
    }[s.kind];
  }

  /** The problem, as `Theory` takes it; `python` is its schedule there. */
  function problem(s) {
    const alpha = s.many === "continuum" ? Infinity : s.alpha;
    const eta = s.sampler === "sde" ? 1 : 0;
    return { ...schedule(s), alpha, sigma2: s.sigma2, eta, T: finite(s) ? s.T : Infinity };
  }

  /** The arguments of `Theory.samplerLaw` after the problem, and `python`, the sampler there. */
  function steps(s) {
    const name = { ddim: "euler", ancestral: "euler_ancestral", heun: "heun", dpmpp: "dpmpp_2m" }[s.method];
    if (s.levels === "sd") {
      const levels = Theory.sdSigmas(s.steps), python = `${name}(sd_sigmas(${s.steps}), start="vp")`;
      return { arguments: [s.method, levels, levels[0] ** 2 + 1], python };
    }
    const T = finite(s) ? s.T : 14.6 ** 2, python = `${name}(karras_sigmas(${s.steps}, 0.03, ${T}**0.5))`;
    return { arguments: [s.method, Theory.karrasSigmas(s.steps, 0.03, Math.sqrt(T)), T], python };
  }

  /** Code that states the same and solves it; with `glass` it asks `quenched` too. */
  function python(s, glass) {
    const p = problem(s), sampler = steps(s).python, names = ["Problem", "solve", "solve_sampler"];
    const classes = Number.isFinite(p.alpha) ? `Exponential(${p.alpha})` : "Continuum()";
    for (const text of [classes, p.python, sampler]) names.push(...text.match(/[A-Za-z]\w*(?=\()/g) ?? []);
    if (glass) names.push("quenched");
    const start = Number.isFinite(p.T) ? `, t_start=${p.T}` : "";
    const lines = [
      `from cfgfield import ${names.sort().join(", ")}`, "",
      `problem = Problem(classes=${classes}, sigma2=${p.sigma2}, guidance=${p.python}, sampler="${s.sampler}"${start})`,
      "print(solve(problem))  # d = infinity",
      `print(solve_sampler(problem, ${sampler}))`,
    ];
    if (glass) lines.push("print(quenched(problem, d=24))  # right in the glass, at finite d; seconds, minutes for d = 96");
    return lines.join("\n");
  }

  return { GROUPS, FIELDS, CLOCK, shown, settled, read, address, problem, steps, python };
})();

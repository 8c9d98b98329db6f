"use strict";
/* The mean-field theory of a guided class and of a sampler's steps: pure functions of numbers.

   Equation numbers are those of docs/theory.md, (T1)-(T10), and docs/sampler.md, (V1)-(V7). A problem is
     {alpha, sigma2, eta, T, edges, values, omega}:
   exp(alpha d) classes (alpha may be Infinity) of variance sigma2, stochasticity eta from 0 (ODE) to 1 (SDE), start at
   time T (may be Infinity if omega = 0), and the guidance w(t) = values[i] + omega t, i the number of edges below t.
   Time runs as tau = -log D, D = sigma2 + t; delta = m - 1 and y = log(v/D). */

const Theory = (() => {
  const TOLERANCE = 1e-11; // of a step, beside 1
  const LONGEST = 0.05; // step in tau: no phase is missed, and curves drawn through the points are smooth
  const EDGE = 1 - 1e-12; // rounding at the edge of the glass
  const TIE = 1e-10; // of F: without guidance speciation and condensation coincide, and the target has it

  const weight = (p, t) => p.values[p.edges.filter((edge) => edge < t).length] + (p.omega ? p.omega * t : 0);

  // -- what the classes do at a point: (T1)-(T5) ---------------------------------------------------------------------

  /** (T3), the information that picks the classes dominating at noise D. */
  const information = (D, q) => 0.5 * (Math.log1p(1 / D) - 1 / (1 + D) + q / (1 + D) ** 2);

  /** D' of (T4), where K = alpha: Newton's method for log K over log D, from above, where it is monotone. */
  function coldNoise(q, alpha) {
    let D = Math.sqrt((0.5 + q) / (2 * alpha)); // K <= (1/2 + q)/(2 D^2)
    for (let i = 0; i < 100; i++) {
      const K = information(D, q);
      const slope = -0.5 * (1 / (1 + D) ** 2 + (2 * q * D) / (1 + D) ** 3); // dK/dlog D
      const change = (K / slope) * Math.log(K / alpha);
      D *= Math.exp(-change);
      if (Math.abs(change) < 1e-15) break;
    }
    return D;
  }

  /** K, the advantage F (T5) of the target over the rest, and D', c, beta of the rest, crowd or glass as K says. */
  function energies(alpha, tau, delta, y) {
    const D = Math.exp(-tau), m = 1 + delta, v = D * Math.exp(y), q = m * m + v;
    const K = information(D, q);
    const glass = K > alpha * EDGE;
    const cold = glass ? coldNoise(q, alpha) : D;
    const c = 1 / (1 + cold);
    const own = 2 * delta - Math.expm1(y) - delta ** 2 / D;
    const F = glass ? (2 * m - c - q * c * (2 - c)) / (2 * D) : 0.5 * (Math.log1p(1 / D) + own / (1 + D)) - alpha;
    return { K, F, glass, c, beta: D / cold };
  }

  // -- the motion: (T7) ----------------------------------------------------------------------------------------------

  // Dormand and Prince's pair of orders 5 and 4
  const NODES = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1];
  const STAGES = [
    [], [1 / 5], [3 / 40, 9 / 40], [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  ];
  const ERROR = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40];

  /** One step of (delta, y) under `rates`: the new state, and an estimate of its error. */
  function step(rates, tau, delta, y, h) {
    const ks = [];
    let d = delta, z = y;
    for (let i = 0; i < 7; i++) {
      d = delta, z = y;
      for (let j = 0; j < i; j++) d += h * STAGES[i][j] * ks[j][0], z += h * STAGES[i][j] * ks[j][1];
      ks.push(rates(tau + NODES[i] * h, d, z));
    }
    let error = 0;
    for (const k of [0, 1]) {
      const off = ks.reduce((sum, rate, i) => sum + ERROR[i] * rate[k], 0);
      error = Math.max(error, Math.abs(h * off) / (1 + Math.abs(k ? z : d)));
    }
    return { delta: d, y: z, error };
  }

  /** (T7) with the weight w(tau) acting, in the crowd or the glass. */
  function ratesOfRest(p, w, glass) {
    const e = 0.5 * (1 + p.eta ** 2);
    return (tau, delta, y) => {
      const D = Math.exp(-tau), W = w(tau);
      const c = 1 / (1 + (glass ? coldNoise((1 + delta) ** 2 + D * Math.exp(y), p.alpha) : D));
      return [e * (W * (1 - c) - (1 + W * c) * delta), -2 * e * W * c + p.eta ** 2 * Math.expm1(-y)];
    };
  }

  /** (T10): where the target has the weight, from the point s to tau; without guidance from the start. */
  function unguided(p, s, tau) {
    const past = s.tau - tau, e = 0.5 * (1 + p.eta ** 2); // log(D/D_s)
    return { tau, delta: s.delta * Math.exp(e * past), y: Math.log1p(Math.expm1(s.y) * Math.exp(p.eta ** 2 * past)) };
  }

  /** The law at the start: N(0, T), or from T = infinity (T8b) far above speciation. */
  function start(p) {
    if (Number.isFinite(p.T)) return { tau: -Math.log(p.sigma2 + p.T), delta: -1, y: -Math.log1p(p.sigma2 / p.T) };
    const w = weight(p, Infinity), last = p.edges.length ? p.edges[p.edges.length - 1] : 0;
    const t = Math.max((100 * (1 + Math.abs(w))) / Math.min(p.alpha, 1), 100 * p.sigma2, 10 * last);
    const series = (a, b) => { // 2F1(-a, 1; 1 + b; 1/(1 + D)) - 1
      let sum = 0;
      for (let n = 1, term = 1; n < 60; n++) sum += term *= (n - 1 - a) / ((n + b) * (1 + p.sigma2 + t));
      return sum;
    };
    const e = 0.5 * (1 + p.eta ** 2);
    const delta = w + (1 + w) * series(e * w, e);
    return { tau: -Math.log(p.sigma2 + t), delta, y: Math.log1p(series(2 * e * w, p.eta ** 2)) };
  }

  /** The phase after a step: a target keeps the weight, as is proved for eta <= 1. */
  function phaseAt(p, x, w) {
    const at = energies(p.alpha, x.tau, x.delta, x.y);
    if (at.F > -TIE) return "target";
    if (!at.glass) return "crowd";
    return -w * (1 + p.eta ** 2) > at.beta * p.eta ** 2 && w < 0 ? "captured" : "glass"; // (T7c)
  }

  /** One step of crowd or glass from x: to `stop`, over `h`, or to where the phase changes; and the next h. */
  function advance(p, x, phase, w, h, stop) {
    const rates = ratesOfRest(p, w, phase === "glass");
    const moved = (size) => ({ ...step(rates, x.tau, x.delta, x.y, size), tau: x.tau + size });
    const changed = (next) => phaseAt(p, next, w(next.tau)) !== phase;
    for (;;) {
      const size = Math.min(h, stop - x.tau), next = moved(size);
      h = Math.min(LONGEST, size * Math.min(4, 0.9 * (TOLERANCE / (next.error + 1e-300)) ** 0.2));
      if (next.error > TOLERANCE && size > 1e-9) continue;
      if (size === stop - x.tau) next.tau = stop;
      if (!changed(next)) return { next, h };
      let low = 0, high = size;
      for (let i = 0; i < 50; i++) {
        const middle = 0.5 * (low + high);
        if (changed(moved(middle))) high = middle;
        else low = middle;
      }
      return { next: moved(high), h: LONGEST };
    }
  }

  /** Follow a problem from its start to t = 0.

      Returns {points, phases, tSpeciation, standing, lost}: points {tau, t, D, m, v, delta, y, phase, w, W} in order;
      `lost` where a wrong class captures the sample: the points end there, (T7d) is left to `solve`. */
  function trajectory(p) {
    const result = { points: [], phases: [], tSpeciation: NaN, standing: "exact", lost: false };
    const timeOf = (tau) => Math.max(Math.exp(-tau) - p.sigma2, 0);
    let x = start(p), phase = "";
    const arrive = (w) => { // note where we are, and in which phase
      const before = phase, D = Math.exp(-x.tau), t = timeOf(x.tau);
      if (phase !== "target") phase = phaseAt(p, x, w);
      result.points.push({ ...x, t, D, m: 1 + x.delta, v: D * Math.exp(x.y), phase, w, W: phase === "target" ? 0 : w });
      if (phase !== before) result.phases.push(phase);
      if (phase === "target" && phase !== before) result.tSpeciation = t;
      if (phase === "captured") result.lost = true;
      if (result.lost || (phase === "glass" && w < 0)) result.standing = "approximate";
      else if (phase === "glass" && w > 0 && result.standing === "exact") result.standing = "asymptotic";
    };
    const cuts = [...p.edges, 0].map((t) => -Math.log(p.sigma2 + t)).filter((cut) => cut > x.tau);
    for (const stop of cuts.sort((a, b) => a - b)) {
      const from = x.tau, inside = 1e-12 * (stop - from); // w is read within its piece
      const w = (tau) => weight(p, timeOf(Math.min(Math.max(tau, from + inside), stop - inside)));
      arrive(w(x.tau));
      for (let h = LONGEST; x.tau < stop && !result.lost; arrive(w(x.tau))) {
        if (phase === "target") x = unguided(p, x, Math.min(x.tau + LONGEST, stop));
        else ({ next: x, h } = advance(p, x, phase, w, h, stop));
      }
      if (result.lost) break;
    }
    return result;
  }

  // -- a sampler's own steps: one effective vector (V1) --------------------------------------------------------------

  const sum = (a, x, b, y) => { // a x + b y, of coordinates along mu_1 and the draws
    const out = new Array(Math.max(x.length, y.length));
    for (let i = 0; i < out.length; i++) out[i] = a * (x[i] || 0) + b * (y[i] || 0);
    return out;
  };
  const square = (x) => x.reduce((total, a, i) => (i ? total + a * a : 0), 0); // v: all but the first

  /** Levels of Stable Diffusion, spacing "leading", and 0: as `sd_sigmas(n)`. */
  function sdSigmas(n) {
    const root = (k) => Math.sqrt(0.00085) + ((Math.sqrt(0.012) - Math.sqrt(0.00085)) * k) / 999;
    const trained = [];
    for (let k = 0, log = 0; k < 1000; k++) trained.push(Math.sqrt(Math.expm1((log -= Math.log1p(-(root(k) ** 2))))));
    return [...Array.from({ length: n }, (_, i) => trained[(n - 1 - i) * Math.floor(1000 / n)]), 0];
  }

  /** Levels of Karras et al. with rho = 7, and 0: as `karras_sigmas(n, low, high)`. */
  function karrasSigmas(n, low, high) {
    const [a, b] = [high ** (1 / 7), low ** (1 / 7)];
    return [...Array.from({ length: n }, (_, i) => (a + ((b - a) * i) / Math.max(n - 1, 1)) ** 7), 0];
  }

  /** Each takes the model, the start, fresh noise and the levels: (V5) with eta 0 or 1, (V6), (V7). */
  const euler = (eta) => (model, x, noise, levels) => {
    for (let i = 0; i + 1 < levels.length; i++) {
      const s = levels[i], after = levels[i + 1], u = (eta * after * Math.sqrt(s * s - after * after)) / s;
      x = sum(1, x, Math.sqrt(after * after - u * u) - s, model.eps(x, s));
      if (u > 0) x = sum(1, x, u, noise());
    }
    return x;
  };
  const heun = (model, x, noise, levels) => {
    for (let i = 0; i + 1 < levels.length; i++) {
      const s = levels[i], after = levels[i + 1];
      let eps = model.eps(x, s);
      if (after > 0) eps = sum(0.5, eps, 0.5, model.eps(sum(1, x, after - s, eps), after));
      x = sum(1, x, after - s, eps);
    }
    return x;
  };
  const dpmpp2m = (model, x, noise, levels) => {
    let before = null, h = Infinity;
    for (let i = 0; i + 1 < levels.length; i++) {
      const ratio = levels[i + 1] / levels[i], last = h, D = model.denoised(x, levels[i]);
      h = -Math.log(ratio); // infinite in the step to 0
      const stretch = before && Number.isFinite(h) ? (0.5 * h) / last : 0;
      x = sum(ratio, x, 1 - ratio, before ? sum(1 + stretch, D, -stretch, before) : D);
      before = D;
    }
    return x;
  };
  const METHODS = { ddim: euler(0), ancestral: euler(1), heun, dpmpp: dpmpp2m };

  /** The law of a method's steps through `levels`, from noise of variance `variance`; `alone`: without guidance.

      Returns {calls, m, v, glass}: the points {t, tau, m, v, phase} of the model's calls, and what comes out. */
  function samplerLaw(p, method, levels, variance, alone = false) {
    const calls = [], mu = [1];
    let directions = 1;
    const draw = (size = 1) => { const z = new Array(directions + 1).fill(0); z[directions++] = size; return z; };
    const centre = (x, s) => { // guided M of (V2): mu_1 + w (mu_1 - M_u)
      const t = s * s, D = p.sigma2 + t, v = square(x);
      const at = energies(p.alpha, -Math.log(D), x[0] - 1, Math.log(Math.max(v / D, 1e-300)));
      const phase = at.F > -TIE ? "target" : at.glass ? "glass" : "crowd";
      calls.push({ t, tau: -Math.log(D), m: x[0], v, phase });
      if (alone || phase === "target") return mu;
      const w = weight(p, t), M = sum(1 + w, mu, -w * at.c, x);
      return phase === "glass" ? sum(1, M, -w, draw(Math.sqrt(Math.max((1 - at.c) * (1 - at.beta), 0)))) : M;
    };
    const model = { // (P1) with a = 1, b = s
      eps: (x, s) => sum(s / (p.sigma2 + s * s), x, -s / (p.sigma2 + s * s), centre(x, s)),
      denoised: (x, s) => sum(p.sigma2 / (p.sigma2 + s * s), x, (s * s) / (p.sigma2 + s * s), centre(x, s)),
    };
    const x = METHODS[method](model, draw(Math.sqrt(variance)), draw, levels);
    return { calls, m: x[0], v: square(x), glass: !alone && calls.some((call) => call.phase === "glass") };
  }

  return { weight, energies, start, unguided, trajectory, sdSigmas, karrasSigmas, samplerLaw };
})();

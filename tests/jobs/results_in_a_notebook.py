"""Cell after cell of a notebook: progress while a run lasts, tables for results, axes to draw on, data with units."""

from IPython.core.formatters import DisplayFormatter

import cfgfield as cf

problem = cf.Problem(classes=cf.Exponential(alpha=0.4), sigma2=0.25, guidance=1.0)
seen = []
data = cf.run(problem, d=10, n_samples=64, n_disorder=16, n_steps=40, seed=1, progress=lambda *done: seen.append(done))
print("progress:", *seen[-2:])
assert seen[-1][0] == seen[-1][1] and seen == sorted(seen)

theory = cf.solve(problem)
verdict = cf.compare(cf.quenched(problem, 10, n_samples=800, seed=2), data)
show = DisplayFormatter().format  # what a notebook does with the last line of a cell
for result in (problem, theory, data, verdict):
    shown, _ = show(result)
    assert shown["text/html"].startswith("<table") and "np.float64" not in shown["text/html"] + shown["text/plain"]
print(show(theory)[0]["text/plain"])

figure, axes = verdict.plot()
axes[0].axvline(theory.t_speciation, color="gray")
figure.savefig("verdict.png")
table = data.to_dataset()
print({name: (table[name].attrs["long_name"], table[name].attrs.get("units")) for name in ("m", "v")})
assert "units" in table.m.attrs

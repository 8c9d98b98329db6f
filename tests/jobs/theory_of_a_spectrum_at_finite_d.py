"""My classes differ in a few loud directions and many quiet ones: what do 16 dimensions do, and which theory knows?"""

import cfgfield as cf

spectrum = cf.Spectrum(c=[0.25, 0.5], u=[1.25, 4.5], share=[0.75, 0.25])
problem = cf.Problem(classes=cf.Exponential(alpha=0.4), spectrum=spectrum, guidance=1.0)
data = cf.run(problem, d=16, n_samples=16, n_disorder=64, n_steps=40, seed=0, progress=False)

nearest = cf.quenched(problem, 16, n_samples=2000, n_steps=40, seed=1, progress=False)
averaged = cf.reduced(problem, 16, n_steps=40, seed=2, progress=False)
for theory in (cf.solve(problem), averaged, nearest):
    print(cf.compare(theory, data), "\n")
shift, v = nearest.final.m_group_paired, nearest.final.v_group_paired
for i, name in enumerate(("quiet", "loud")):
    print(f"{name}: m {shift.mean[i]:.4f} +- {shift.stderr[i]:.4f}, v {v.mean[i]:.4f} +- {v.stderr[i]:.4f}")
assert cf.compare(nearest, data) and nearest.info["standing"] == "asymptotic"
assert not cf.compare(cf.reduced(problem.replace(w=1.5), 16, seed=2), data, assume={"w": 1.5})

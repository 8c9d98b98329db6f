"""A physicist has a theory of m(t) and v(t) of her own: does it agree with particles, and what if alpha were larger?"""

import numpy as np

import cfgfield as cf

problem = cf.Problem(classes=cf.Continuum(), sigma2=0.25, guidance=1.0, t_start=20.0)
data = cf.run(problem, d=8, n_samples=100, n_disorder=24, n_steps=60, seed=0, progress=False)


def weaker_guidance(t):
    """She believes that guidance acts by four fifths of its weight."""
    theory = cf.solve(problem.replace(w=0.8)).at(t)
    return float(theory.m), float(theory.v)


verdict = cf.compare(weaker_guidance, data, times=[10.0, 2.0, 0.0])
print(verdict)
verdict.plot()[0].savefig("mine.png")
table = np.array([[1.0, 1.485, 0.778], [0.0, 1.195, 0.103]])  # t, m, v of a paper, read from a plot to 0.002
print(cf.compare({t: (m, v, 0.002, 0.002) for t, m, v in table}, data, name="the paper"))
print(cf.compare(cf.solve(problem.replace(w=1.1)), data, assume={"w": 1.1}))

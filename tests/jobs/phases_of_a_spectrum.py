"""Where do classes that are not balls speciate, and where is there a glass? A phase diagram with its boundaries."""

import matplotlib.pyplot as plt
import numpy as np

from cfgfield import Exponential, Problem, phase_diagram, potential, power_law

problem = Problem(classes=Exponential(alpha=0.4), spectrum=power_law(3, modes=64), guidance=1.0, sampler="ode")
diagram = phase_diagram(problem, x=("alpha", np.linspace(0.3, 1.2, 13)), y=("w", np.linspace(-0.5, 6.0, 14)))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
diagram.v_ratio.plot(ax=left)
for name, colour in {"speciation": "black", "glass": "red"}.items():
    left.plot(*diagram[f"line_{name}"].values.T, color=colour, label=name)
left.legend()

V = potential(problem, float(diagram.t_speciation.sel(alpha=0.45, w=1.0, method="nearest")), group=0)
V.V.plot(ax=right)
right.axvline(V.m_now.item(), color="black")
figure.savefig("phases.png")
alpha, w = diagram.line_speciation.dropna("point_speciation").values.T
print(f"without guidance speciation ends at alpha = {alpha[w == 0.0].item():.3f}")

"""How much variance does guidance cost, by strength, number of classes and sampler? Where does a glass begin?"""

import matplotlib.pyplot as plt
import numpy as np

from cfgfield import Exponential, Problem, curves, phase_diagram

problem = Problem(classes=Exponential(alpha=0.4), sigma2=0.25)
w = np.linspace(0.0, 5.0, 11)
data = curves(problem, over={"w": w, "alpha": [0.3, 0.5, 0.7], "sampler": ["sde", "ode"]})

worst = data.v_ratio.sel(w=5.0).idxmin("alpha")
print(data.v_ratio.sel(w=5.0).to_pandas(), worst.to_pandas(), sep="\n")
data.v_ratio.plot(x="w", hue="alpha", col="sampler")
plt.savefig("variance.png")
data.to_netcdf("variance.nc")

ode = problem.replace(sampler="ode")
diagram = phase_diagram(ode, x=("alpha", np.linspace(0.5, 0.9, 21)), y=("w", np.linspace(3.0, 8.0, 21)))
alpha, w = diagram.line_glass.values.T
figure, axis = plt.subplots()
diagram.v_ratio.plot(ax=axis)
axis.plot(alpha, w, color="black")
figure.savefig("glass.png")
print(f"the glass needs w > {w.min():.2f}, at alpha = {alpha[w.argmin()]:.2f}")

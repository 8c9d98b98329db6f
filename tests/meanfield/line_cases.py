"""Two classes on the line: of compact supports, and Gaussian; and a class of steps."""

from meanfield.line import Normal, PiecewiseConstant, TwoClasses, Uniform

COMPACT = TwoClasses(Uniform(1.0, 2.0), Uniform(-2.0, -1.0))
GAUSSIAN = TwoClasses(Normal(1.0), Normal(-1.0))
STEPS = PiecewiseConstant((1.0, 1.5, 1.75, 2.0), (1.0, 0.0, 2.0))

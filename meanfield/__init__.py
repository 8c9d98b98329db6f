from meanfield.problem import Exponential, Problem

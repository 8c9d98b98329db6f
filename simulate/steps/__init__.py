"""One step of the reverse process: integrators, and the force of guidance."""

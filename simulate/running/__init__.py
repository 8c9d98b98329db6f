"""One run: settings, plan, threads, and the averages that it returns."""

"""A schedule for a class of your own mixture, tuned and ranked by its particles."""

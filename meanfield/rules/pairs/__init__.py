"""Rules with a second condition, another class: what is guided away from, or towards as well."""

"""What is studied: classes, variances, noise process and start of a problem."""

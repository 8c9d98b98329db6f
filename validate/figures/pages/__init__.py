"""Studies and figures that pages of the documentation show, beside those of the paper."""

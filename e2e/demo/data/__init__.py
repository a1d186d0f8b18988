"""The demo's real input: evaluation data and model versions 1-5, from ISLP's Default data set."""

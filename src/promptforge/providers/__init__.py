"""Providers of models, one file each; ``directory`` opens them all."""

"""Random expressions that are valid by construction, and their comparison between all ways of computing them."""

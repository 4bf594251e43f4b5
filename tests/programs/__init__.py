"""Programs in the style of the libraries that were written on this language: small, whole, and checked in numbers."""

"""The tensor language beside NumPy: one function at a time, on drawn dtypes, shapes, layouts and arguments."""

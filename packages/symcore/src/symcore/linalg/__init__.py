"""Linear algebra on matrices, with gradients: ``nlinalg`` as in NumPy, ``slinalg`` as in SciPy."""

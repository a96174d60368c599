"""The geometry of poses in the plane: angles, frames, places, Gabor kernels."""

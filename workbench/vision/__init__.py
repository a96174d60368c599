"""The wing of vision: pictures, drawn stimuli, surveys, tuning, and the geometry of poses."""

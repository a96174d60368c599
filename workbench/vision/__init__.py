"""Vision: pictures, drawn stimuli, surveys, tuning, and the geometry of poses."""

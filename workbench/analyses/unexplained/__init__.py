"""Find where trained and handwritten units differ, and which units would explain the difference."""

"""Feature visualisation: pictures made to activate one unit, trained or handwritten."""

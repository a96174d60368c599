"""Statistics -> Scorecard: agreement of units, recovery of the network's behaviour, tuning, uncertainty, cost."""

"""From statistics to a scorecard.

A scorecard has the agreement of units, the recovery of the network's behaviour, tuning,
uncertainty and cost.
"""

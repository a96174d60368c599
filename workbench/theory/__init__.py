"""The mathematics of families, poses and motifs: pure functions of arrays.

They are written to the array API standard.

Glossary of axes: `d` downstream unit, `u` upstream unit, `kh kw` offset on the upstream grid. A
unit's *frame* has its origin at the unit; its first axis is the feature's normal (towards the
centre of curvature, or 90 degrees on from the orientation), its second the tangent.
"""

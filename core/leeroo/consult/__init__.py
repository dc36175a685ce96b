"""Asking a second expert: what an answer says of the others, whom to ask next, and when to stop.

`model`: how right and wrong answers come about; `lattice`: what may become known; `posterior`: how probable it is;
`policy`: what to do; `asking`: what any policy is told and says; `ahead`: the one in use; `fit`:
the model from outcomes; `equivalence`: which answers are the same.
"""

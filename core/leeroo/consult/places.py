"""Where an answer is: `State`, the place of each."""

UNASKED, ABSTAINED = -2, -1
"""Not asked, and nothing that can be compared; from 0 on places are clusters."""
State = tuple[int, ...]

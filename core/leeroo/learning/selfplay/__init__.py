"""The self-play loop: generate, orchestrate, evaluate, learn, measure, and again."""

"""Who can answer, and what it costs: experts, prices, names of models, the pool file, token counts."""

"""Where outcomes come from and what they teach."""

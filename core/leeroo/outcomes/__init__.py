"""What is known of experts' answers: outcome tables, importers, labelling, matchers, the sandbox for code."""

"""One call's life: decision, attempts, health, ledger."""

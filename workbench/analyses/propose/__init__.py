"""Find by search what a theory's last family reads."""

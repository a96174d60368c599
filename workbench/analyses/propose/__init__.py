"""Find by search what a theory's last family reads, or every unit of a site."""

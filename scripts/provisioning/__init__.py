"""What terraform provides, compared with what the catalogue and the code ask for."""

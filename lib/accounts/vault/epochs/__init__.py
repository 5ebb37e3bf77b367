"""The life of the vault's own key: epochs, each of which ends the versions before it and what only these could open."""

"""What the fakes of all providers share: the wire, faults on command, consent, control, people."""

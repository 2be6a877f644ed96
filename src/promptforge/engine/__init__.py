"""How runs proceed, as pure values: no I/O, no clock, no chance but what is passed in."""

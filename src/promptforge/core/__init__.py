"""The stone: values and rules, standard library only. No I/O, no clock, no framework."""

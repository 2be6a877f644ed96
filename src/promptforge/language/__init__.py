"""Small languages: templates and the checking of what is put into them. Pure; no I/O, no clock."""

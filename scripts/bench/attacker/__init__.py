"""An attacker of what is published; it shares no code with the package and reads only what it lets out."""

"""The parts screens are made of; each shows values it is given and tells in messages what was done to it."""

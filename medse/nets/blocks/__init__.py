"""The parts that networks share."""

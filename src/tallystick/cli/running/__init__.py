"""Running a platform on one machine: its processes, their settings, their end."""
